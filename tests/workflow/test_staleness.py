"""What a change makes stale, by dry run on a finished project."""

import os
import shutil
import time
from pathlib import Path

import pytest

from .forks import started

EVALUATED = {"evaluate_diffusion": 1, "plot_diffusion": 1, "publish_diffusion": 1}
GENERATED = {"generate": 2, **EVALUATED}
TRAINED = {"train_diffusion": 1, **GENERATED}
DATASET = {"dataset": 1, "support": 2, "encode_captions": 1, **TRAINED}
SHARDS = {"shards": 2, **DATASET}

RECIPE, RUN = "config/dataset/demo.toml", "config/diffusion/demo.toml"
LIB = "lib/signal_diffusion"


def replaced(old, new):
    return lambda text: text.replace(old, new, 1)


def with_docstring(text):
    return text.replace('"""', '"""Said in other words. ', 1)


def reformatted(text):
    return text.replace("(", "(\n    # broken over lines\n    ", 1).replace("\n\n\n", "\n\n\n\n")


NOTHING = {
    "a comment in a recipe": (RECIPE, lambda text: f"# A comment.\n{text}"),
    "a comment in lib": (f"{LIB}/signals/stft.py", lambda text: f"# A comment.\n{text}"),
    "a docstring in lib": (f"{LIB}/signals/stft.py", with_docstring),
    "a docstring of the model": (f"{LIB}/models/hourglass.py", with_docstring),
    "a reformatted script": ("scripts/shard_batch.py", reformatted),
    "a comment in a rule": ("rules/shards.smk", lambda text: f"# A comment.\n{text}"),
    "the cadence of checkpoints": (RUN, replaced("checkpoint_interval = 2", "checkpoint_interval = 3")),
    "the cadence of the log": (RUN, replaced("log_every_steps = 1", "log_every_steps = 2")),
    "a default, written out": (RUN, replaced("[optimizer]\n", "[optimizer]\nweight_decay = 1e-2\n")),
    "code of the config": (f"{LIB}/config/stages.py", lambda text: f"{text}\nUNUSED = 1\n"),
}
SOMETHING = {
    "the learning rate": (RUN, replaced("learning_rate = 1e-3", "learning_rate = 2e-3"), TRAINED),
    "guidance": (RUN, replaced("cfg_scale = 1.5", "cfg_scale = 2.0"), GENERATED),
    "the bootstrap": (RUN, replaced("bootstrap = 20", "bootstrap = 21"), EVALUATED),
    "a caption word": (RECIPE, replaced("[captions]", '[captions]\nsubject = "person"'), DATASET),
    "the STFT": (RECIPE, replaced("window = 128", "window = 120"), SHARDS),
    "code of the STFT": (f"{LIB}/signals/stft.py", lambda text: f"{text}\nUNUSED = 1\n", SHARDS),
    "a reader": (
        f"{LIB}/recordings/formats/cnt.py",
        lambda text: f"{text}\nUNUSED = 1\n",
        {"index_simulated": 1, **SHARDS},
    ),
    "a subject more": (
        RECIPE,
        replaced("subjects = 12", "subjects = 13"),
        {"index_simulated": 1, "shards": 1, **DATASET},
    ),
    "a subject more than were simulated together": (
        RECIPE,
        replaced("subjects = 12", "subjects = 21"),
        {"simulate": 1, "index_simulated": 1, "shards": 4, **DATASET},
    ),
    "recordings in a job, whose shards are kept": (
        "config/default.toml",
        replaced("[data]\n", "[data]\nrecordings_per_job = 2\n"),
        {"shards": 12, **DATASET},
    ),
    "code of the model": (f"{LIB}/models/hourglass.py", lambda text: f"{text}\nUNUSED = 1\n", TRAINED),
    "a plot": (
        f"{LIB}/report/figures.py",
        lambda text: f"{text}\nUNUSED = 1\n",
        {"plot_diffusion": 1, "publish_diffusion": 1},
    ),
    "the plots' own key": (
        RUN,
        replaced("[generation]", "[generation]\ngrid_per_condition = 2"),
        {"plot_diffusion": 1, "publish_diffusion": 1},
    ),
}


@pytest.fixture
def restored(finished):
    """The finished project, its edited files as they were after the test."""
    kept = finished.folder.parent / "kept"
    folders = [name for name in ("config", "lib", "rules", "scripts")]
    for name in folders:
        shutil.copytree(finished.folder / name, kept / name, dirs_exist_ok=True)
    yield finished
    for name in folders:
        shutil.rmtree(finished.folder / name)
        shutil.move(kept / name, finished.folder / name)


def test_what_changes_no_meaning_makes_nothing_stale(restored):
    for path, edit in NOTHING.values():
        restored.edit(path, edit)
    touch(restored)
    assert restored.planned() == {}


@pytest.mark.parametrize("change", SOMETHING)
def test_a_change_makes_its_stages_and_those_after_them_stale(restored, change):
    path, edit, stale = SOMETHING[change]
    restored.edit(path, edit)
    assert restored.planned() == stale


def touch(project):
    later = time.time() + 60
    for folder in ("config", "lib", "rules", "scripts"):
        for path in Path(project.folder, folder).rglob("*.*"):
            os.utime(path, (later, later))


def test_a_second_run_does_nothing_and_returns_soon(finished):
    text, seconds = cpu_seconds(finished, "snakemake")
    assert "Nothing to be done" in text
    # 5 s where Snakemake itself starts in 1 s; CPU time, for other work may share the machine.
    _, start = cpu_seconds(finished, "snakemake", "--version")
    assert seconds < 5 * max(start, 1)


def cpu_seconds(project, *command):
    before = os.times()
    text = started(command, project.folder, project.environment).stdout
    after = os.times()
    return text, sum(after[2:4]) - sum(before[2:4])


@pytest.fixture
def accepting(restored):
    """The restored project, whose records are put back too."""
    records, kept = restored.folder / ".snakemake/metadata", restored.folder.parent / "metadata"
    shutil.copytree(records, kept)
    yield restored
    shutil.rmtree(records)
    shutil.move(kept, records)


def test_accepted_code_makes_nothing_stale_but_changed_values_still_do(accepting):
    accepting.edit(f"{LIB}/models/hourglass.py", lambda text: f"{text}\nUNUSED = 1\n")
    accepting.edit(RUN, replaced("bootstrap = 20", "bootstrap = 21"))
    assert accepting.planned() == TRAINED
    accepting.run("python", "scripts/accept.py")
    assert accepting.planned() == EVALUATED


def test_a_key_that_the_code_has_gained_is_accepted_with_it(accepting):
    new = '    novelty: int = key(1, "New.", stage="generation")\n    num_samples: int = key('
    accepting.edit(f"{LIB}/config/sampling.py", replaced("    num_samples: int = key(", new))
    assert accepting.planned() == GENERATED
    accepting.run("python", "scripts/accept.py")
    assert accepting.planned() == {}
