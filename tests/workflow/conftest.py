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

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "Makefile", "README.md", "pyproject.toml", "constraints.txt")
FOLDERS = ("config", "envs", "lib", "profiles", "rules", "scripts")

TINY = {
    "config/dataset/demo.toml": """
[recipe]
datasets = ["demo"]
[channels]
set = "1020-8"
[signal]
nsamps = 512
[spectrogram]
resolution = 32
window = 128
[captions]
fields = ["age", "health", "gender", "activity"]
[splits]
train = 0.5
val = 0.25
test = 0.25
[export]
imagefolder = true
[simulation]
subjects = 12
seconds = 20.0
""",
    "config/support/demo-text.toml": """
kind = "text-encoders"
[dataset]
name = "demo"
[text]
width = 16
layers = 1
projections = [8, 8]
[training]
steps = 5
""",
    "config/support/demo-features.toml": """
kind = "feature-encoder"
[dataset]
name = "demo"
[features]
width = 8
dim = 16
[training]
steps = 5
batch_size = 16
""",
    "config/diffusion/demo.toml": """
[settings]
config = "config/default.toml"
trainer = "diffusion"
[dataset]
name = "demo"
batch_size = 8
resolution = 32
val_split = "val"
[model]
name = "hourglass"
conditioning = "caption"
[model.extras]
patch_size = [4, 4]
depths = [1, 1]
widths = [32, 64]
self_attns = [
    { type = "neighborhood", d_head = 16, kernel_size = 3 },
    { type = "global", d_head = 16 },
]
mapping_width = 32
cfg_dropout = 0.1
text_encoder = "demo-text"
[objective]
prediction_type = "vector_field"
[optimizer]
learning_rate = 1e-3
[training]
max_train_steps = 4
mixed_precision = "no"
checkpoint_interval = 2
checkpoint_total_limit = 1
log_every_steps = 1
ema_decay = 0.9
ema_update_after_step = 0
eval_strategy = "steps"
eval_num_steps = 4
initial_eval = false
[inference]
denoising_steps = 2
cfg_scale = 1.5
[generation]
num_samples = 64
[evaluation]
encoder = "demo-features"
bootstrap = 20
""",
}


@dataclass(frozen=True)
class Project:
    """A copy of the project in which commands are run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command in the copy, its output and errors together."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, stdout=-1, stderr=subprocess.STDOUT
        )
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
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PARTS:
        shutil.copy(ROOT / name, folder)
    for path, text in TINY.items():
        (folder / path).write_text(text)
    return Project(folder, environment)


@pytest.fixture
def project(tmp_path, environment) -> Project:
    """The copy before anything was run."""
    return copy_project(tmp_path, environment)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, environment) -> Project:
    """The copy after `snakemake` has built its tiny demo, raw recordings to published run."""
    project = copy_project(tmp_path_factory.mktemp("finished"), environment)
    project.run("snakemake", "--quiet", "rules", "reason", "host")
    return project


@pytest.fixture
def edited(finished, tmp_path) -> Project:
    """A copy of the finished one, times and records included, to edit."""
    folder = tmp_path / "edited"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder, finished.environment)
