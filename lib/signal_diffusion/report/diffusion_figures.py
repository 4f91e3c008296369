"""The figures of a diffusion run, drawn from what its stages wrote."""

from pathlib import Path

from signal_diffusion.config import source_recipe
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.images import IMAGES
from signal_diffusion.families.diffusion.sets import generated_set, real_set, view_of
from signal_diffusion.files import load_tensors, read_json, replaced_folder
from signal_diffusion.report import figures


def draw_run(
    run: DiffusionRun, dataset: Path, synthetic: Path, metrics: Path, curves: Path, stats: Path, out: Path
) -> None:
    """Draw every figure of the run into the folder `out`."""
    view = view_of(run, dataset)
    real, generated = real_set(view, dataset, run.evaluation.reference_split), generated_set(view, synthetic)
    of_eeg = view.spec["representation"] != IMAGES
    fields = source_recipe(run.dataset.name).captions.fields if of_eeg else ()
    shown = [
        name
        for name in ("gender", "health", "activity")
        if name in fields and real.labels[name].nunique() > 1
    ]
    records = figures.read_stats(stats) if stats.is_file() else []
    arrays = load_tensors(curves)[0]
    with replaced_folder(out) as folder:
        figures.draw_run(
            folder,
            read_json(metrics),
            arrays,
            real,
            generated,
            view.spec,
            shown,
            records,
            run.generation.grid_per_condition,
        )
