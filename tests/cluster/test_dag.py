"""The whole tiny DAG through SLURM: every rule by sbatch, GPU rules with a GPU, and all that a local run makes.

Downloads stay where Snakemake runs, for nodes may have no network.
"""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from signal_diffusion.files import sha256

from ..workflow.conftest import Project, copy_project
from ..workflow.tiny import changed
from .conftest import QUICK, SlurmJob, submitted
from .test_profile import GPU_RULE

OWN = """
[datasets.own]
kind = "folder"
root = "../own"
files = "sub-{subject}_{task}.edf"
"""
VAE = """
kind = "vae"
[dataset]
name = "demo"
[vae]
latent_channels = 2
widths = [8, 8]
[training]
steps = 5
batch_size = 16
threads = 1
"""
LATENT = (
    ('conditioning = "caption"', 'conditioning = "none"'),
    ('text_encoder = "demo-text"', 'latent_space = true\nvae = "demo-vae"'),
    ("cfg_dropout = 0.1\n", ""),
    ("cfg_scale = 1.5\n", ""),
    ("patch_size = [4, 4]", "patch_size = [2, 2]"),
)
PICTURES = (
    ('name = "demo"', 'name = "./pictures"'),
    ('conditioning = "caption"', 'conditioning = "none"'),
    ('cfg_dropout = 0.1\ntext_encoder = "demo-text"\n', ""),
    ("cfg_scale = 1.5\n", ""),
    ('encoder = "demo-features"\n', ""),
)
CLASSIFIER = (
    ('"gender", "health", "age", "activity", "handedness"', '"gender"'),
    ("max_steps = 400", "max_steps = 4"),
    ("eval_steps = 100", "eval_steps = 4"),
    ("checkpoint_steps = 200", "checkpoint_steps = 2"),
    ('folds = "subject"\nn_folds = 5', 'folds = "none"'),
)
SELECTION = """
[selection]
inner_folds = 2
[selection.candidates]
quick = {}
slow = { optimizer = { learning_rate = 1e-4 } }
"""
CALLS = """
[calls]
solvers = ["euler"]
calls = [2]
num_samples = 16
"""
TARGETS = (
    "all",
    "results/db-range/demo",
    "results/model-costs",
    "results/classification/demo",
    "results/training-profile/demo",
    "work/diffusion/latent/model.safetensors",
    "work/images/diffusion/pictures",
    "results/diffusion-calls/demo",
    "results/synthetic/demo-balanced",
    "work/recordings/own.csv",
    "logs/probe/cpu.txt",
    "logs/probe/gpu.txt",
)
# It takes those runs together that are built when it is asked for.
LATER = ("results/classification-summary", "results/diffusion-summary")
# They tell when something was made, or how fast.
TIMED = re.compile(
    r"stats\.jsonl|README\.md|.*\.html|training\.png|events\.out.*|\.snakemake_timestamp|.*\.ledger\.json"
)
TIMES = {"checkpoints", "training-profile", "report", "diffusion-summary"}


def whole(folder: Path, environment: dict[str, str]) -> Project:
    """The tiny project, and recordings of one's own for the rule that indexes such."""
    project = copy_project(folder, environment)
    project.edit("config/default.toml", lambda text: text + OWN)
    project.edit(
        "config/diffusion/presets.txt", lambda text: re.sub(r"(?m)^\S+-(flagship|demo)-.*\n", "", text)
    )
    project.edit("config/classification/demo.toml", lambda text: changed(text, CLASSIFIER) + SELECTION)
    project.edit("config/synthetic/demo-balanced.toml", lambda text: text.replace("1600", "32"))
    demo = folder / "config/diffusion/demo.toml"
    for name, changes in (("latent", LATENT), ("pictures", PICTURES)):
        demo.with_stem(name).write_text(changed(demo.read_text(), changes))
    demo.write_text(demo.read_text() + CALLS)
    paint(folder / "pictures")
    (folder / "config/support/demo-vae.toml").write_text(VAE)
    project.run("python", "scripts/simulate.py", "--recipe", "demo", "--subjects", "0", "1", "--out", "own")
    return project


def paint(folder: Path) -> None:
    """Images of twelve plants, which are no recipe's."""
    folder.mkdir()
    for number, levels in enumerate(np.random.default_rng(0).integers(0, 256, (24, 32, 32), dtype=np.uint8)):
        Image.fromarray(levels).save(folder / f"{number:02}.png")
    rows = "".join(f"{number:02}.png,{number // 2}\n" for number in range(24))
    (folder / "metadata.csv").write_text(f"file_name,group\n{rows}")


@pytest.fixture(scope="module")
def here(tmp_path_factory, environment) -> Project:
    project = whole(tmp_path_factory.mktemp("here"), environment)
    begin = time.monotonic()
    for targets in (TARGETS, LATER):
        project.run("snakemake", "--quiet", "rules", "reason", "host", "--", *targets)
    print(f"built here in {time.monotonic() - begin:.0f} s")
    return project


@pytest.fixture(scope="module")
def there(slurm, tmp_path_factory, environment) -> tuple[Project, list[SlurmJob]]:
    """The project built on the cluster, and the jobs that did it."""
    project = whole(tmp_path_factory.mktemp("there"), environment)
    command = ("snakemake", "--profile", "profiles/slurm", *QUICK, "--")
    said = "".join(project.run(*command, *targets).stdout for targets in (TARGETS, LATER))
    jobs = submitted(said)
    print(*(f"{job.number} {job.rule} {job['Partition']} {job.gpus}" for job in jobs), sep="\n")
    return project, jobs


def made(project: Project) -> dict[str, str]:
    """Hash of every file of results/ and work/ but those that hold times or speeds, and checkpoints on the way."""
    files = [path for top in ("results", "work") for path in (project.folder / top).rglob("*")]
    kept = [path for path in files if path.is_file() and not TIMED.fullmatch(path.name)]
    kept = [path for path in kept if not TIMES & set(path.parts)]
    return {str(path.relative_to(project.folder)): sha256(path) for path in kept}


@pytest.mark.slow
def test_every_rule_goes_through_sbatch(there):
    project, jobs = there
    text = "".join(path.read_text() for path in (project.folder / "rules").glob("*.smk"))
    remote = {*re.findall(r"^rule (\w+):", text, re.MULTILINE), "cpu_probe", "gpu_probe"}
    assert {job.rule for job in jobs} == remote - {"simulate"} | {"simulation_simulate"}
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}


@pytest.mark.slow
def test_rules_that_train_generate_or_encode_get_a_gpu_and_others_none(there):
    _, jobs = there
    gpu = {job.rule for job in jobs if GPU_RULE.fullmatch(job.rule)}
    for job in jobs:
        wanted = ("gpu", 1) if job.rule in gpu else ("cpu", 0)
        assert (job["Partition"], job.gpus) == wanted, job.rule


@pytest.mark.slow
def test_datasets_weights_samples_and_metrics_are_those_of_a_local_run(here, there):
    ours, theirs = made(here), made(there[0])
    assert {path for path in ours | theirs if ours.get(path) != theirs.get(path)} == set()
    names = {Path(path).name for path in ours}
    assert names >= {"train.npy", "model.safetensors", "synthetic.npy", "metrics.json"}
