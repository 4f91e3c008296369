"""The published folder of a classification run, put together from what its stages wrote."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.storage import read_spec
from signal_diffusion.families.classification.prediction import load_classifier
from signal_diffusion.families.classification.publish import publish_model, usage
from signal_diffusion.files import read_json, replaced_folder, write_text
from signal_diffusion.markdown import number, table
from signal_diffusion.report.cards import drawn_windows
from signal_diffusion.report.classifier_card import evidence, limits, pictures, tried
from signal_diffusion.report.figures import read_stats
from signal_diffusion.training.checkpoints import discard
from signal_diffusion.training.logging import parameter_count

STATS = "stats.jsonl"
SHARED = (
    "Folds are trained on all subjects but those that they hold out. What turns signals into the dataset's windows, "
    "the dB range or the z-scores, is the recipe's and comes from its training split, so that each fold shares these "
    "few numbers with people that it holds out; the standardisation of its input is its own."
)


def publish_run(
    run: ClassificationRun, dataset: Path, model: Path, metrics: Path, drawn: Path, work: Path, out: Path
) -> None:
    """Put model, metrics, figures and card into `out`; the checkpoints of all trainings below `work` are let go."""
    with replaced_folder(out) as folder:
        publish_model(run, dataset, model, folder / "model")
        shutil.copytree(drawn, folder / "figures", ignore=shutil.ignore_patterns(".*"))
        shutil.copyfile(metrics, folder / "metrics.json")
        stats = model.parent / STATS
        if stats.is_file():
            shutil.copyfile(stats, folder / STATS)
        figures = sorted(path.name for path in (folder / "figures").glob("*.png"))
        write_text(
            folder / "README.md",
            card(run, read_spec(dataset), read_json(metrics), facts(model), figures, usage(run, dataset)),
        )
    for checkpoints in sorted(work.glob("*/*/checkpoints")):
        discard(checkpoints)


def card(
    run: ClassificationRun,
    spec: Mapping[str, Any],
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
    figures: Sequence[str],
    code: str,
) -> str:
    """Markdown with Hugging Face front matter; `training` are facts to list, `code` loads and predicts."""
    tasks = ", ".join(run.dataset.tasks)
    what = f"A classifier ({metrics['backbone']}) of {tasks}, trained on `{spec['recipe']}` ({spec['representation']})."
    config = run.model_dump(mode="json", exclude={"name", "path"})
    parts = [
        _front_matter(run, spec),
        f"# {run.name}",
        what,
        f"```python\n{code}\n```",
        "## How good it is",
        *evidence(metrics),
        *tried(metrics),
        "## Figures",
        pictures("figures", figures, metrics),
        "## Data",
        _data(spec),
        SHARED if run.evaluation.folds != "none" else "",
        "## Training",
        table(("", ""), [(key.replace("_", " "), number(value)) for key, value in training.items()]),
        "## Limits",
        limits(),
        "## Configuration",
        f"```json\n{json.dumps(config, indent=2, ensure_ascii=False, default=str)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def facts(model: Path) -> dict[str, float]:
    """Parameters, steps, their usual time, the last losses and the best score of the published training."""
    net, _ = load_classifier(model)
    stats = model.parent / STATS
    records = read_stats(stats) if stats.is_file() else []
    found: dict[str, float] = {"parameters": parameter_count(net)}
    for record in records:
        found |= {key: value for key, value in record.items() if key in ("step", "train/loss", "val/loss")}
    scores = [record["val/score"] for record in records if "val/score" in record]
    times = sorted(record["ms_per_step"] for record in records if "ms_per_step" in record)
    found |= {"best val/score": max(scores)} if scores else {}
    return found | ({"median_ms_per_step": times[len(times) // 2]} if times else {})


def _front_matter(run: ClassificationRun, spec: Mapping[str, Any]) -> str:
    lines = [
        "---",
        "license: unknown",
        f"tags: [eeg, {spec['representation']}, classification]",
        f"model_name: {run.name}",
        f"datasets: [{spec['recipe']}-{spec['representation']}]",
        "---",
    ]
    return "\n".join(lines)


def _data(spec: Mapping[str, Any]) -> str:
    header = ("split", "windows", "recordings", "subjects")
    rows = [(split, *(number(count[key]) for key in header[1:])) for split, count in spec["counts"].items()]
    seconds = spec["nsamps"] / spec["fs"]
    text = (
        f"Windows of {seconds:.4g} s at {spec['fs']:g} Hz, {len(spec['channels'])} channels "
        f"({', '.join(spec['channels'])}). Splits are by subject."
    )
    return f"{text}{drawn_windows(spec)}\n\n{table(header, rows)}"
