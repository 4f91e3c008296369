from pathlib import Path

import pytest

from .material import Material, index_rows


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return Material(tmp_path, index_rows())
