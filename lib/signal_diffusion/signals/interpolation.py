"""Channels that are absent or bad, estimated from the others by spherical splines.

Perrin et al., 1989, "Spherical splines for scalp potential and current density mapping", as MNE computes
them, with its 10-05 positions.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.channels import canonical

FEWEST = 4  # channels; fewer give MNE no sphere to lay splines on
MONTAGES = ("colin27_1005", "standard_1005")  # the same positions, by their name since MNE 1.13 and before


def spline_weights(known: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Weights of the known channels in each wanted one, float32 [wanted, known].

    Names are spelled in any way that `canonical` knows. UserError for one without a place on the head.
    """
    import mne

    if len(known) < FEWEST:
        raise UserError(f"{len(known)} good channels are too few to interpolate from; {FEWEST} are needed")
    here = mne.channels.get_builtin_montages()
    montage = mne.channels.make_standard_montage(next(name for name in MONTAGES if name in here))
    names = _montage_names([*known, *wanted], montage.ch_names)
    # The estimate is linear: what it makes of an impulse in each known channel in turn are its weights.
    impulses = np.vstack([np.eye(len(known)), np.zeros((len(wanted), len(known)))])
    raw = mne.io.RawArray(impulses, mne.create_info(names, 1.0, "eeg"), verbose="error")
    raw.set_montage(montage, verbose="error")
    raw.info["bads"] = names[len(known) :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so short a signal is odd
        raw.interpolate_bads(verbose="error")
    return raw.get_data()[len(known) :].astype(np.float32)


def _montage_names(names: Sequence[str], places: Sequence[str]) -> list[str]:
    spelled = {canonical(place): place for place in places if canonical(place) == place.lower()}
    nowhere = [name for name in names if canonical(name) not in spelled]
    if nowhere:
        raise UserError(
            f"channels {', '.join(nowhere)} have no place in the 10-05 system to interpolate at or from; "
            'set channels.missing = "refuse" and channels.bad to "keep" or "refuse"'
        )
    return [spelled[canonical(name)] for name in names]
