"""What the recipe's `signal.reference` asks for: which channels it names, and what subtracting them leaves."""

import numpy as np

from signal_diffusion.recordings.channels import canonical
from signal_diffusion.signals.quality import FLAT, REASONS, Findings
from signal_diffusion.signals.resample import mean_subtracted

AVERAGE, NONE = "average", "none"  # values of signal.reference that name no channel


def reference_names(reference: str | list[str]) -> list[str]:
    """The channels that the recipe's `signal.reference` names."""
    names = [reference] if isinstance(reference, str) else reference
    return [name for name in names if name not in (AVERAGE, NONE)]


def reference_rows(names: list[str], reference: str | list[str]) -> list[int]:
    """Where the channels that `reference` names are among `names`."""
    keys = [canonical(name) for name in names]
    return [keys.index(canonical(name)) for name in reference_names(reference)]


def referenced(
    data: np.ndarray, names: list[str], findings: Findings, reference: str | list[str]
) -> np.ndarray:
    """Float32 [names, samples]; a flat channel stays as it is, for there is no signal to be referenced."""
    over = findings.good if reference == AVERAGE else reference_rows(names, reference)
    flat = [row for row, reason in findings.bad.items() if reason == REASONS[FLAT]]
    return mean_subtracted(data, over, flat) if len(over) else data
