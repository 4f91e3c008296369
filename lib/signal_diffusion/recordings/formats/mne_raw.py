"""From an MNE raw object to a recording, for the formats that MNE reads here."""

from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import indices_of, refuse
from signal_diffusion.recordings.recording import Header, Recording

NOT_VOLTS = ("stim", "misc", "resp", "temperature", "gsr", "exci", "syst", "ias")


def header_of(raw, format_name: str) -> Header:
    fs = float(raw.info["sfreq"])
    return Header(fs, raw.n_times / fs, tuple(raw.ch_names), format_name)


def recording_of(raw, path: Path, picks: list[str] | None) -> Recording:
    """The picked channels, or all in volts; raises UserError for a picked channel that is not in volts."""
    volts = [
        name
        for name, kind in zip(raw.ch_names, raw.get_channel_types(), strict=True)
        if kind not in NOT_VOLTS
    ]
    names = volts if picks is None else picks
    chosen = indices_of(path, list(names), tuple(raw.ch_names))
    foreign = sorted(set(names) - set(volts))
    if foreign or not chosen:
        raise refuse(
            path, "unit", f"{', '.join(foreign) or 'no channel'} not in volts", "EEG channels in volts"
        )
    data = raw.get_data(picks=chosen) * 1e6
    return Recording(
        data.astype(np.float32), float(raw.info["sfreq"]), tuple(raw.ch_names[i] for i in chosen)
    )
