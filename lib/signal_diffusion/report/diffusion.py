"""The published folder of a diffusion run, put together from what its stages wrote."""

import shutil
from pathlib import Path

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.publish import publish_model, publish_samples, usage
from signal_diffusion.families.diffusion.summary import described_run
from signal_diffusion.families.diffusion.train import KERNELS
from signal_diffusion.files import read_json, replaced_folder, write_text
from signal_diffusion.report import figures
from signal_diffusion.report.cards import model_card
from signal_diffusion.training.checkpoints import discard

STATS = "stats.jsonl"


def publish_run(
    run: DiffusionRun,
    dataset: Path,
    encoder: str | None,
    model: Path,
    synthetic: Path,
    metrics: Path,
    drawn: Path,
    checkpoints: Path,
    out: Path,
    vae: str | None = None,
) -> None:
    """Put model, samples, metrics, figures and card into `out`; the checkpoints of the run are then let go."""
    view = Material(run, dataset).view
    with replaced_folder(out) as folder:
        publish_model(run, dataset, encoder, model, folder / "model", vae)
        publish_samples(view, synthetic, folder / "samples")
        shutil.copytree(drawn, folder / "figures", ignore=shutil.ignore_patterns(".*"))
        shutil.copyfile(metrics, folder / "metrics.json")
        if (model.parent / STATS).is_file():
            shutil.copyfile(model.parent / STATS, folder / STATS)
        write_text(folder / "README.md", _card(run, dataset, view, model, metrics, folder))
    discard(checkpoints)


def _card(run: DiffusionRun, dataset: Path, view: DecibelView, model: Path, metrics: Path, out: Path) -> str:
    pictures = [
        f"figures/{name}.png" for name in figures.CAPTIONS if (out / "figures" / f"{name}.png").is_file()
    ]
    kernels = model.with_name(KERNELS)
    facts = {
        "parameters": described_run(out)["parameters"],
        **_facts(model.parent / STATS),
        **(read_json(kernels) if kernels.is_file() else {}),
    }
    config = run.model_dump(mode="json", exclude={"name", "path"})
    code = usage(run, dataset, view, f"results/diffusion/{run.name}", out / "model")
    return model_card(run.name, config, view.spec, read_json(metrics), facts, pictures, code)


def _facts(stats: Path) -> dict[str, float]:
    """Steps, their usual time and the last losses, from stats.jsonl."""
    records = figures.read_stats(stats) if stats.is_file() else []
    facts: dict[str, float] = {}
    for record in records:
        facts |= {
            key: value for key, value in record.items() if key.endswith(("loss", "kid")) or key == "step"
        }
    times = sorted(record["ms_per_step"] for record in records if "ms_per_step" in record)
    return facts | ({"median_ms_per_step": times[len(times) // 2]} if times else {})
