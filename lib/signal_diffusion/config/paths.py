"""Where the settings put things."""

from __future__ import annotations

from pathlib import Path

from signal_diffusion.config.settings import Settings


def work_root(settings: Settings) -> Path:
    """Return the folder of all that is in between (`work/`)."""
    return settings.data.output_root
