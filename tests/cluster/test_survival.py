"""Trainings on a cluster that lose their time, their job, their node or their memory end as one that loses nothing."""

import json
import subprocess
import time

import pytest
from signal_diffusion.files import sha256

from ..workflow.tiny import TINY, changed
from .conftest import QUICK, facts_of
from .node import Node

CHANGES = (
    ('conditioning = "caption"', 'conditioning = "none"'),
    ('cfg_dropout = 0.1\ntext_encoder = "demo-text"\n', ""),
    ("cfg_scale = 1.5\n", ""),
    ("checkpoint_interval = 2\n", "checkpoint_interval = 100\n"),
    ("log_every_steps = 1\n", "log_every_steps = 5\n"),
    ("eval_num_steps = 4\n", "eval_num_steps = 1000000\n"),
)
RUNS = ("late", "homeless", "cancelled", "large", "whole")
SECONDS = 140  # of training, for which a limit of three minutes, less the minute's notice and the start, is too short
SHORT_OF_TIME = "runtime=lambda wildcards: 3 if wildcards.run == 'late' else 30"
SHORT_OF_MEMORY = (
    "mem_mb=lambda wildcards, attempt: growing(400 if wildcards.run == 'large' else 3000)(wildcards, attempt)"
)


def training(steps: int) -> str:
    """The tiny demo's run without captions, which so needs no text encoder, of so many steps."""
    text = changed(TINY["config/diffusion/demo.toml"], CHANGES)
    return changed(text, (("max_train_steps = 4\n", f"max_train_steps = {steps}\n"),))


@pytest.fixture
def project(cluster_copy):
    """The tiny project with five trainings that are the same but for their names, and their dataset."""
    for name in ("speed", *RUNS):
        (cluster_copy.folder / f"config/diffusion/{name}.toml").write_text(training(60))
    cluster_copy.edit(
        "rules/training.smk",
        lambda text: text.replace(
            "mem_mb=growing(8000),\n        runtime=1440", f"{SHORT_OF_MEMORY},\n        {SHORT_OF_TIME}"
        ),
    )
    cluster_copy.run("snakemake", "--quiet", "rules", "reason", "host", "--", weights("speed"))
    steps = round(1000 * SECONDS / stats(cluster_copy, "speed")[-1]["ms_per_step"])
    for name in RUNS:
        (cluster_copy.folder / f"config/diffusion/{name}.toml").write_text(training(steps))
    return cluster_copy


def weights(run: str) -> str:
    return f"work/diffusion/{run}/model.safetensors"


def stats(project, run: str) -> list[dict]:
    path = project.folder / "work/diffusion" / run / "stats.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def jobs_of(run: str, state: str = "all") -> list[dict[str, str]]:
    """The training jobs of a run that SLURM knows, oldest first."""
    asked = ["squeue", "-h", "-S", "i", f"--states={state}", "-o", "%i %k"]
    rows = [line.split() for line in subprocess.check_output(asked, text=True).splitlines()]
    return [
        facts_of(number) for number, *comment in rows if comment == [f"rule_train_diffusion_wildcards_{run}"]
    ]


def disturb(project, waiting: dict) -> None:
    """Each disturbance happens to its run once that is some way on."""
    for run in list(waiting):
        done = stats(project, run)
        if len(done) >= 30 and (running := jobs_of(run, "RUNNING")):
            waiting.pop(run)(running[-1])


def cancel(job: dict[str, str]) -> None:
    subprocess.run(["scancel", job["JobId"]], check=True)


def build(project) -> None:
    """Train all runs on the cluster while each disturbance happens once; the nodes that die come back."""
    dead: list[Node] = []

    def kill_node(job: dict[str, str]) -> None:
        dead.append(Node(job["NodeList"]))
        dead[-1].die(job["JobId"])

    waiting = {"cancelled": cancel, "homeless": kill_node}
    command = ["snakemake", "--profile", "profiles/slurm", *QUICK, "--", *map(weights, RUNS)]
    with (project.folder / "said.txt").open("w") as said:
        workflow = subprocess.Popen(
            command, cwd=project.folder, env=project.environment, stdout=said, stderr=said
        )
        try:
            while workflow.poll() is None:
                disturb(project, waiting)
                for node in dead:
                    if any(job["NodeList"] != node.name for job in jobs_of("homeless", "RUNNING")):
                        node.come_back()
                time.sleep(1)
        finally:
            workflow.kill()
            for node in dead:
                node.come_back()
    assert workflow.returncode == 0, (project.folder / "said.txt").read_text()


@pytest.mark.slow
def test_every_disturbed_training_ends_in_the_weights_of_the_undisturbed_one(project):
    before = {
        job["JobId"] for run in RUNS for job in jobs_of(run)
    }  # of an earlier test, which SLURM may yet forget
    build(project)
    jobs = {run: [job for job in jobs_of(run) if job["JobId"] not in before] for run in RUNS}
    for run, found in jobs.items():
        print(run, [(job["JobId"], job["JobState"], job["NodeList"], job["MinMemoryNode"]) for job in found])
    logs = {run: (project.folder / f"logs/train_diffusion/{run}.log").read_text() for run in RUNS}
    assert [run for run in RUNS if "goes on from" in logs[run]] == ["late", "homeless", "cancelled"]
    assert len(jobs["whole"]) == 1 and len(jobs["late"]) > 1 and len(jobs["cancelled"]) == 2
    assert jobs["cancelled"][0]["JobState"] in ("CANCELLED", "FAILED")
    assert [job["MinMemoryNode"] for job in jobs["large"]][:2] == ["400M", "800M"]
    assert int(jobs["homeless"][-1]["Restarts"]) == 1 or len(jobs["homeless"]) == 2
    assert len({sha256(project.folder / weights(run)) for run in RUNS}) == 1
