"""A SLURM cluster, and copies of the project whose jobs go there."""

import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from ..workflow.conftest import copy_project, environment, finished  # noqa: F401

QUICK = ("--slurm-init-seconds-before-status-checks", "4", "--latency-wait", "5")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items) -> None:
    """Tests of the cluster are skipped where none answers; they share its nodes, so one process runs them."""
    for item in items:
        if item.path.parent.name == "cluster":
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def slurm() -> None:
    """Skips where no cluster answers."""
    if not shutil.which("sbatch"):
        pytest.skip("no SLURM here: sbatch is not installed")
    if subprocess.run(["sinfo"], capture_output=True).returncode:
        pytest.skip("no SLURM here: its controller does not answer sinfo")


@dataclass(frozen=True)
class SlurmJob:
    """What SLURM says of a job, in its own words."""

    number: str
    rule: str
    facts: dict[str, str]

    def __getitem__(self, fact: str) -> str:
        return self.facts[fact]

    @property
    def gpus(self) -> int:
        """How many GPUs it was granted."""
        count = self.facts.get("JOB_GRES", "").rpartition(":")[2]
        return int(count) if count.isdigit() else 0


def submitted(output: str) -> list[SlurmJob]:
    """The jobs that a `snakemake --profile profiles/slurm` says it has submitted, as SLURM knows them."""
    said = re.findall(r"SLURM jobid (\d+) \(log: \S+/(?:rule|group)_([^/]+)/", output)
    return [SlurmJob(number, rule, facts_of(number)) for number, rule in said]


def facts_of(number: str) -> dict[str, str]:
    """`scontrol show job` as key and value; JOB_GRES, what was granted, is among its details."""
    said = subprocess.run(["scontrol", "-d", "-o", "show", "job", number], capture_output=True, text=True)
    return dict(field.split("=", 1) for field in said.stdout.split() if "=" in field)


@pytest.fixture
def cluster_copy(slurm, tmp_path, environment):  # noqa: F811
    """A copy of the project with its tiny demo, in a folder that every node sees."""
    return copy_project(tmp_path, environment)
