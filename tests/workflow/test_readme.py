"""Every command, program and settings file of the README, run as it stands there."""

import re
import shutil

import pytest

from .conftest import ROOT, Project

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
[PROGRAM] = (text for kind, text in BLOCKS if kind == "python")
SETTINGS, MINE, RECIPE = (text for kind, text in BLOCKS if kind == "toml")
PEOPLE = "id,sex,age\nsub-000,female,31\nsub-002,male,\nsub-004,female,64\n"
TABLE = "Subject,Age,Gender\nSubject00,21,F\nSubject01,18,F\nSubject02,19,M\n"

# What to add to a command so that it ends soon, how it ends, and what it then says.
EXPECTED = {
    "make demo": ("-o .venv/ready", 0, "results/diffusion/demo/README.md"),
    "make test": ("-n -o .venv/ready", 0, "pytest"),
    "snakemake results/diffusion/demo/": ("", 0, "Nothing to be done"),
    "snakemake -n results/diffusion/eegmat/": ("", 2, "error: math: no recordings in"),
    "snakemake --report report.html": ("", 0, "Report created"),
    "python scripts/status.py": ("", 0, ""),
    "python scripts/simulate.py --recipe demo --subjects 0 --out by-hand": ("", 0, ""),
    "python scripts/shard.py --recipe demo --recording by-hand/sub-000_rest.edf --out by-hand/rest.safetensors": (
        "",
        0,
        "windows",
    ),
    "python scripts/train_diffusion.py --help": ("", 0, "--checkpoints"),
    "snakemake results/classification/demo/": ("-n", 0, "publish_classifier"),
    "python scripts/predict.py results/classification/demo by-hand/sub-000_rest.edf": (
        "",
        2,
        "no model.safetensors there; give the folder of a published classification run",
    ),
    "snakemake --config settings=config/local.toml -- results/diffusion/eegmat/": (
        "-n",
        0,
        "publish_diffusion",
    ),
    "snakemake -n --config settings=config/local.toml -- data/math": ("", 0, "recordings/eegmat"),
    "snakemake --config settings=config/local.toml -- results/dataset/mine-db-only/": (
        "",
        0,
        "Finished jobid",
    ),
    "snakemake --config settings=config/local.toml -- results/dataset/mine-timeseries/": ("-n", 0, "shards"),
    "snakemake --profile profiles/slurm results/diffusion/caption/": ("-n", 2, "error: longitudinal"),
}


def test_each_command_has_its_expectation():
    assert set(COMMANDS) == set(EXPECTED)


@pytest.fixture(scope="module")
def reader(finished, tmp_path_factory) -> Project:
    """The finished project of someone who has followed the README: own settings, dataset and recipe."""
    folder = tmp_path_factory.mktemp("reader") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    home = folder.parent
    for name in ("eegmat", "mine"):
        (home / "recordings" / name).mkdir(parents=True)
    (home / "recordings/eegmat/subject-info.csv").write_text(TABLE)
    for subject in range(3):
        (home / f"recordings/eegmat/Subject0{subject}_1.edf").touch()
        shutil.copy(folder / f"work/simulated/demo/sub-00{2 * subject}_rest.edf", home / "recordings/mine")
    (home / "recordings/mine/people.csv").write_text(PEOPLE)
    (folder / "by-hand").mkdir()
    shutil.copy(folder / "work/simulated/demo/sub-000_rest.edf", folder / "by-hand")
    (folder / "config/local.toml").write_text(f"{SETTINGS}\n{MINE}")
    (folder / "config/dataset/mine.toml").write_text(RECIPE)
    return Project(folder, finished.environment | {"HOME": str(home)})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme(reader, command):
    extra, code, says = EXPECTED[command]
    program, *rest = command.split()
    done = reader.run(program, *extra.split(), *rest, check=False)
    assert done.returncode == code, done.stdout
    assert says in done.stdout
    assert "Traceback" not in done.stdout


def test_make_demo_builds_all_that_the_report_asks_for(project):
    said = project.run("make", "-n", "-o", ".venv/ready", "demo").stdout
    [line] = (line for line in said.splitlines() if line.startswith("snakemake"))
    plan = project.run("snakemake", "-n", *line.split()[1:]).stdout
    assert {"all", "overview", "data_page"} <= set(re.findall(r"^(\w+) +1$", plan, re.MULTILINE))


def test_make_leaves_finding_commands_to_bash(project):
    """Apple's make 3.81 does it itself where SHELL is its default, /bin/sh, and knows nothing of .venv."""
    (project.folder / "probe.mk").write_text("include Makefile\nprobe:\n\t@echo $${BASH_VERSION:-none}\n")
    assert re.search(r"^\d+\.\d+", project.run("make", "-f", "probe.mk", "probe").stdout, re.MULTILINE)


def test_the_program_of_the_readme_generates(finished):
    sizes = finished.run("python", "-c", f"{PROGRAM}\nprint(generated.decibels().shape)").stdout
    assert sizes.strip().endswith("(4, 8, 32, 4)")


def test_the_readers_own_recordings_become_a_dataset(reader):
    index = "work/recordings/mine.csv"
    reader.run("snakemake", "--config", "settings=config/local.toml", "--", index)
    rows = (reader.folder / index).read_text().splitlines()
    assert len(rows) == 4 and all(",ok," in row for row in rows[1:])
