"""docs/spectrogram.md is filled by docs/make_spectrogram_figure.py; its rows must be the transform's."""

from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.signals.stft import Stft

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spectrogram.md"
BANDS = [(1, 4), (4, 8), (8, 13), (13, 30), (30, 50)]


@pytest.mark.parametrize("bins", ["log", "linear"])
def test_rows_per_band_are_up_to_date(bins):
    table = PAGE.read_text().split("<!-- rows -->")[1].split("<!-- end -->")[0]
    line = next(line for line in table.splitlines() if line.startswith(f"| {bins} "))
    frequencies = Stft(256, 19, 2048, 125.0, bins=bins).frequencies
    counts = [int(np.sum((frequencies >= low) & (frequencies < high))) for low, high in BANDS]
    assert [int(cell) for cell in line.strip("|").split("|")[1:]] == counts
