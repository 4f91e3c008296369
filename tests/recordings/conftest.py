"""Small real files made on the spot, for what must hold without ../shared."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_cnt, write_edf

from .fetching import FILES
from .publisher import Publisher


@pytest.fixture(scope="session")
def simulation() -> SimpleNamespace:
    return SimpleNamespace(subjects=80, seconds=60.0, rate=250.0, seed=7, line_hz=50.0)


@pytest.fixture(scope="session")
def recording() -> Recording:
    """Three channels of known sines, microvolts."""
    time = np.arange(5 * 200) / 200.0
    data = np.stack([20.0 * np.sin(2 * np.pi * f * time + f) for f in (3.0, 10.0, 22.0)])
    return Recording(data.astype(np.float32), 200.0, ("EEG Fp1", "EEG T3", "Cz"))


@pytest.fixture
def edf(recording, tmp_path) -> Path:
    write_edf(recording, tmp_path / "sines.edf")
    return tmp_path / "sines.edf"


@pytest.fixture
def cnt(recording, tmp_path) -> Path:
    write_cnt(recording, tmp_path / "sines.cnt")
    return tmp_path / "sines.cnt"


@pytest.fixture
def home(monkeypatch) -> Publisher:
    """Where a dataset is published, on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    publisher = Publisher(FILES)
    yield publisher
    publisher.shutdown()
    publisher.server_close()


@pytest.fixture
def out(tmp_path) -> Path:
    """Where it is downloaded to, not there yet."""
    return tmp_path / "raw/mit"
