"""What a classification run looks at: its folds' models on the people that they have not seen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.pool import Part, Pool, moments
from signal_diffusion.families.classification.model import ClassifierNet
from signal_diffusion.families.classification.prediction import load_classifier
from signal_diffusion.files import write_json
from signal_diffusion.metrics.classification.baselines import Material
from signal_diffusion.metrics.classification.occlusion import occlude, summarise_occlusion
from signal_diffusion.metrics.classification.tables import FOLDS, SPLIT, protocols, read_predictions
from signal_diffusion.progress import Progress
from signal_diffusion.training.numerics import numerics

MODEL, PREDICTIONS = "model.safetensors", "predictions.csv"
BLOCK = 256


def occlude_run(run: ClassificationRun, dataset: Path, models: Sequence[Path], out: Path) -> None:
    """Write which channels and bands matter, averaged over the models of the run's folds, to `out` (JSON).

    Beside each model lies its table of predictions; up to `occlusion_windows` of the windows that it held out are
    looked at, evenly spread, and hidden parts show the mean of all windows of other people. Where there are folds, the
    model of the recipe's split has no part.
    """
    pool = Pool(dataset)
    material = Material(pool)
    by_protocol = protocols([path.parent / PREDICTIONS for path in models])
    protocol = FOLDS if FOLDS in by_protocol else SPLIT
    chosen, found = by_protocol[protocol], []
    threads = numerics(run.training.threads, allow_tf32=False)
    with threads, Progress(len(chosen), "hiding channels and bands", unit="models") as progress:
        for table in chosen:
            found.append(_occlude(run, material, pool, table))
            progress.update(1)
    rises = {task: np.concatenate([each[task] for each, _ in found], axis=1) for task in run.dataset.tasks}
    subjects = np.concatenate([subjects for _, subjects in found])
    evaluation = run.evaluation
    tasks = summarise_occlusion(rises, subjects, pool.spec, evaluation.bootstrap, evaluation.seed)
    write_json(out, {"protocol": protocol, "windows": len(subjects), "tasks": tasks})


def _occlude(
    run: ClassificationRun, material: Material, pool: Pool, table: Path
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Rises of the loss by task, [parts, windows], and the subject of each window."""
    predictions = read_predictions([table])
    count = len(predictions.rows)
    some = np.linspace(0, count - 1, min(count, run.evaluation.occlusion_windows)).round().astype(np.int64)
    places = material.places(predictions.rows)
    held_out = np.isin(material.subjects, np.unique(material.subjects[places]))
    mean, _ = moments(Part(pool, np.flatnonzero(~held_out)))
    truth = {task: predictions.tasks[task].truth[some] for task in run.dataset.tasks}
    net, _ = load_classifier(table.parent / MODEL)
    rises = occlude(lambda windows: _answers(net, windows), pool.array(places[some]), truth, mean, pool.spec)
    return rises, material.subjects[places[some]]


def _answers(net: ClassifierNet, windows: np.ndarray) -> dict[str, np.ndarray]:
    parts = [net.answers(windows[start : start + BLOCK]) for start in range(0, len(windows), BLOCK)]
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}
