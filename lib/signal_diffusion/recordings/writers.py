"""Writers of the two formats in which simulated recordings are kept."""

import struct
from pathlib import Path

import numpy as np

from signal_diffusion.files import atomic_path
from signal_diffusion.recordings.recording import Recording

CNT_SETUP, CNT_ELECTRODE = 900, 75
CNT_MICROVOLTS_PER_BIT = 0.01
EDF_RANGE_UV = 1000.0


def write_edf(recording: Recording, path: Path) -> None:
    """EDF (Kemp et al., 1992): 16 bits over +-1 mV, records of one second, no patient fields."""
    from edfio import Edf, EdfSignal

    signals = [
        EdfSignal(
            np.clip(samples, -EDF_RANGE_UV, EDF_RANGE_UV).astype(np.float64),
            recording.fs,
            label=name,
            physical_dimension="uV",
            physical_range=(-EDF_RANGE_UV, EDF_RANGE_UV),
        )
        for name, samples in zip(recording.channels, recording.data, strict=True)
    ]
    with atomic_path(path) as temporary:
        Edf(signals).write(temporary)


def write_cnt(recording: Recording, path: Path) -> None:
    """Neuroscan continuous file with 32-bit samples, interleaved, of 0.01 uV each, and an empty event table.

    Layout: https://paulbourke.net/dataformats/eeg/ (SETUP, ELECTLOC, TEEG).
    """
    count, samples = recording.data.shape
    table = CNT_SETUP + CNT_ELECTRODE * count + 4 * count * samples
    setup = bytearray(CNT_SETUP)
    struct.pack_into("<12s", setup, 0, b"Version 3.0")
    struct.pack_into("<10s12s", setup, 225, b"01/01/00", b"00:00:00")
    struct.pack_into("<H", setup, 370, count)
    struct.pack_into("<H", setup, 376, round(recording.fs))
    struct.pack_into("<i", setup, 864, samples)
    struct.pack_into("<i", setup, 886, table)
    electrodes = b"".join(_electrode(name, index) for index, name in enumerate(recording.channels))
    bits = np.rint(recording.data.T / CNT_MICROVOLTS_PER_BIT).astype("<i4")
    with atomic_path(path) as temporary:
        temporary.write_bytes(bytes(setup) + electrodes + bits.tobytes() + struct.pack("<Bii", 1, 0, 0))


def _electrode(name: str, index: int) -> bytes:
    # Readers fit the positions to a sphere, so they must not all be zero: they stand on a circle.
    angle = 2.0 * np.pi * index / 64.0
    entry = bytearray(CNT_ELECTRODE)
    struct.pack_into("<10s", entry, 0, name.encode("ascii"))
    struct.pack_into("<2f", entry, 19, np.cos(angle), np.sin(angle))
    struct.pack_into("<h", entry, 47, 0)
    struct.pack_into("<f", entry, 59, 204.8 * CNT_MICROVOLTS_PER_BIT)
    struct.pack_into("<f", entry, 71, 1.0)
    return bytes(entry)
