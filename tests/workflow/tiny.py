"""The project with a demo that is tiny."""

import shutil
from pathlib import Path

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
threads = 1
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
threads = 1
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
threads = 1
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


def copy_tiny(folder: Path) -> None:
    """Copy what the workflow needs into `folder`, its configs replaced by the tiny ones."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PARTS:
        shutil.copy(ROOT / name, folder)
    for path, text in TINY.items():
        (folder / path).write_text(text)


def changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """The text with each old part replaced by its new one."""
    for old, new in changes:
        assert old in text, f"{old} has changed; mend the test's edit"
        text = text.replace(old, new)
    return text
