"""A copy of the project whose demo is tiny, and the same copy with its demo finished."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import tiny
from .forks import forks, started

ROOT = tiny.ROOT


@dataclass(frozen=True)
class Project:
    """A copy of the project in which commands are run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command in the copy, Snakemake as a fork; its output and errors together."""
        start = forks("snakemake.cli") if command[0] == "snakemake" else started
        done = start(command, self.folder, self.environment)
        assert done.returncode == 0 or not check, done.stdout
        return done

    def planned(self, target: str = "results/diffusion/demo", *options: str) -> dict[str, int]:
        """Rule -> jobs of a dry run."""
        text = self.run("snakemake", "-n", "--quiet", "rules", *options, "--", target).stdout
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", text, re.DOTALL | re.MULTILINE)
        if table is None:
            assert "Nothing to be done" in text, text
            return {}
        return {rule: int(count) for rule, count in map(str.split, table[1].splitlines())}

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a file, which must make a difference."""
        file = self.folder / path
        before = file.read_text()
        after = change(before)
        assert after != before, f"{path} has changed; mend the test's edit"
        file.write_text(after)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Commands of the copy find this interpreter and the copy's code, and ask no hub."""
    inherited = {name: value for name, value in os.environ.items() if name != "SIGNAL_DIFFUSION_CONFIG"}
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return inherited | {"PATH": path, "PYTHONPATH": "lib", "HF_HUB_OFFLINE": "1"}


def copy_project(folder: Path, environment: dict[str, str]) -> Project:
    tiny.copy_tiny(folder)
    return Project(folder, environment)


@pytest.fixture
def project(tmp_path, environment) -> Project:
    """The copy before anything was run."""
    return copy_project(tmp_path, environment)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, environment) -> Project:
    """The copy after `snakemake` has built its tiny demo, raw recordings to published run."""
    project = copy_project(tmp_path_factory.mktemp("finished"), environment)
    command = ["snakemake", "--quiet", "rules", "reason", "host"]
    done = started(command, project.folder, environment)
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def edited(finished, tmp_path) -> Project:
    """A copy of the finished one, times and records included, to edit."""
    folder = tmp_path / "edited"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder, finished.environment)
