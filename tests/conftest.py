"""Fixtures that several areas share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items) -> None:
    """Tests that share the finished tiny demo come first and in one process, so that it is built once."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")
    for item in items:
        if item.path.parent.name == "workflow":
            item.add_marker(pytest.mark.xdist_group("workflow"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings beside the repository; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no real recordings: {folder / 'data'} is not there")
    return folder
