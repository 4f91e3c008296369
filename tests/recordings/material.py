"""Decodes of the formats by their definitions alone, and small helpers that the tests of the readers share."""

import struct
from pathlib import Path

import numpy as np
import pytest


def find(shared: Path, name: str) -> Path:
    found = sorted((shared / "data").rglob(name))
    if not found:
        pytest.skip(f"{name} is not in {shared / 'data'}")
    return found[0]


def patch(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def edf_samples(path: Path) -> list[tuple[str, np.ndarray]]:
    """Labels and microvolts of the signals in volts, by the EDF specification."""
    content = path.read_bytes()
    count = int(content[252:256])

    def fields(start: int, width: int) -> list[str]:
        at = [256 + count * start + width * i for i in range(count)]
        return [content[a : a + width].decode("latin-1").strip() for a in at]

    lengths = [int(field) for field in fields(216, 8)]
    records = np.frombuffer(content, "<i2", offset=256 * (count + 1)).reshape(-1, sum(lengths))
    low, high, bottom, top = (np.array(list(map(float, fields(at, 8)))) for at in (104, 112, 120, 128))
    found = []
    for i, (label, unit) in enumerate(zip(fields(0, 16), fields(96, 8), strict=True)):
        digital = records[:, sum(lengths[:i]) :][:, : lengths[i]].ravel()
        physical = low[i] + (digital - bottom[i]) * (high[i] - low[i]) / (top[i] - bottom[i])
        if unit in ("uV", "mV"):
            found.append((label, physical * {"uV": 1.0, "mV": 1e3}[unit]))
    return found


def cnt_samples(path: Path, width: int, channels: int, samples: int) -> np.ndarray:
    """Microvolts [channels, samples] by the SETUP and ELECTLOC structures of the format."""
    content = path.read_bytes()
    digital = np.frombuffer(content, f"<i{width}", samples * channels, 900 + 75 * channels)
    at = [900 + 75 * i for i in range(channels)]
    baseline, sensitivity, calibration = (
        np.array([struct.unpack_from(kind, content, a + offset)[0] for a in at])
        for kind, offset in (("<h", 47), ("<f", 59), ("<f", 71))
    )
    return ((digital.reshape(-1, channels) - baseline) * sensitivity * calibration / 204.8).T
