"""The whole tiny DAG through SLURM: every rule by sbatch, GPU rules with a GPU, and all that a local run makes."""

import re
from pathlib import Path

import pytest
from signal_diffusion.files import sha256

from ..workflow.conftest import Project, copy_project
from .conftest import QUICK, SlurmJob, submitted

# Made here, not on the cluster: a download needs the network, and rules without a command only name targets.
LOCAL = re.compile(r"all|download_\w+|data/.*")
OWN = """
[datasets.own]
kind = "folder"
root = "../own"
files = "sub-{subject}_{task}.edf"
"""
TARGETS = (
    "all",
    "results/db-range/demo",
    "work/recordings/own.csv",
    "logs/probe/cpu.txt",
    "logs/probe/gpu.txt",
)
# They tell when and where something ran.
TIMED = re.compile(r"stats\.jsonl|README\.md|training\.png|events\.out.*|\.snakemake_timestamp|machine\.json")


def whole(folder: Path, environment: dict[str, str]) -> Project:
    """The tiny project, and recordings of one's own for the rule that indexes such."""
    project = copy_project(folder, environment)
    project.edit("config/default.toml", lambda text: text + OWN)
    project.run("python", "scripts/simulate.py", "--recipe", "demo", "--subjects", "0", "1", "--out", "own")
    return project


@pytest.fixture(scope="module")
def here(tmp_path_factory, environment) -> Project:
    project = whole(tmp_path_factory.mktemp("here"), environment)
    project.run("snakemake", "--quiet", "rules", "reason", "host", "--", *TARGETS)
    return project


@pytest.fixture(scope="module")
def there(slurm, tmp_path_factory, environment) -> tuple[Project, list[SlurmJob]]:
    """The project built on the cluster, and the jobs that did it."""
    project = whole(tmp_path_factory.mktemp("there"), environment)
    said = project.run("snakemake", "--profile", "profiles/slurm", *QUICK, "--", *TARGETS).stdout
    jobs = submitted(said)
    print(*(f"{job.number} {job.rule} {job['Partition']} {job.gpus}" for job in jobs), sep="\n")
    return project, jobs


def made(project: Project) -> dict[str, str]:
    """Hash of every file of results/ and work/ but those that hold times."""
    files = [path for top in ("results", "work") for path in (project.folder / top).rglob("*")]
    kept = [path for path in files if path.is_file() and not TIMED.fullmatch(path.name)]
    return {str(path.relative_to(project.folder)): sha256(path) for path in kept}


@pytest.mark.slow
def test_every_rule_goes_through_sbatch(there):
    project, jobs = there
    rules = project.run("snakemake", "--quiet", "all", "--list-rules").stdout.split()
    remote = {rule for rule in rules if not LOCAL.fullmatch(rule) and not rule[0].isupper()}
    assert {job.rule for job in jobs} == remote - {"simulate"} | {"simulation_simulate"}
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}


@pytest.mark.slow
def test_rules_that_train_generate_or_encode_get_a_gpu_and_others_none(there):
    _, jobs = there
    gpu = {job.rule for job in jobs if re.match(r"train|predict|generate|encode|support|gpu", job.rule)}
    for job in jobs:
        wanted = ("gpu", 1) if job.rule in gpu else ("cpu", 0)
        assert (job["Partition"], job.gpus) == wanted, job.rule


@pytest.mark.slow
def test_datasets_weights_samples_and_metrics_are_those_of_a_local_run(here, there):
    ours, theirs = made(here), made(there[0])
    assert {path for path in ours | theirs if ours.get(path) != theirs.get(path)} == set()
    names = {Path(path).name for path in ours}
    assert names >= {"train.npy", "model.safetensors", "synthetic.npy", "metrics.json"}
