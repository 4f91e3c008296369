"""The environment that a workflow's jobs inherit, on this machine or through a cluster."""

import os
from pathlib import Path


def set_up_jobs(settings: str | None = None) -> None:
    """Let jobs run this checkout, whatever else is installed, with the settings file if one is given.

    They compile what they import once: where PYTHONDONTWRITEBYTECODE is set, each would compile torch anew.
    """
    lib = str(Path(__file__).resolve().parent.parent)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", lib)]
    os.environ["PYTHONPATH"] = os.pathsep.join([lib, *others])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if settings is not None:
        os.environ["SIGNAL_DIFFUSION_CONFIG"] = os.path.abspath(settings)
