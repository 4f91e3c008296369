"""All figures of a classification run, by file name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.files import read_json, replaced_folder
from signal_diffusion.metrics.classification.summary import held_out
from signal_diffusion.metrics.classification.tables import FOLDS, SPLIT
from signal_diffusion.report import classifier_maps, classifier_scores
from signal_diffusion.report.figures import read_stats
from signal_diffusion.report.style import save

HELD_OUT = {FOLDS: "folds over all subjects", **{name: f"the recipe's {name} split" for name in SPLITS}}
CAPTIONS = {
    "scores": "The model beside its nulls and baselines",
    "subjects": "Every subject: how many of its windows are told right, or its number beside the true one",
    "confusion": "What each class was taken for: share and number",
    "reliability": "How often the model is right at each confidence",
}
OTHER_CAPTIONS = {
    "occlusion": "Which channels and frequencies matter: what the loss gains when they are hidden.",
    "training": "The course of training; a thin line for each fold.",
}


def held_out_words(metrics: Mapping[str, Any], protocol: str) -> str:
    """Whom a protocol of a run holds out."""
    return HELD_OUT[held_out(metrics, protocol)]


def captions(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The caption of every figure that a run may have, in the order of a page."""
    found = {
        f"{key}-{protocol}": f"{text}; {held_out_words(metrics, protocol)}."
        for protocol in (FOLDS, SPLIT)
        for key, text in CAPTIONS.items()
    }
    return found | OTHER_CAPTIONS


def draw_run(metrics: Path, stats: Sequence[Path], out: Path) -> list[str]:
    """Draw each figure that metrics.json and the folds' stats.jsonl have numbers for into the folder `out`.

    A fold is called after the folder of its stats. Returns the files' names.
    """
    lines = {path.parent.name: read_stats(path) for path in stats if path.is_file()}
    drawn = figures(read_json(metrics), {fold: each for fold, each in lines.items() if each})
    with replaced_folder(out) as folder:
        for name, figure in drawn.items():
            save(figure, folder / f"{name}.png")
    return [f"{name}.png" for name in drawn]


def figures(metrics: Mapping[str, Any], stats: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    """The figures by name; `stats` are the lines of stats.jsonl by fold."""
    drawn: dict[str, Any] = {}
    for protocol, found in metrics["protocols"].items():
        if classifier_scores.judged(found):
            drawn[f"scores-{protocol}"] = classifier_scores.score_forest(found)
            drawn[f"subjects-{protocol}"] = classifier_scores.subjects(found)
        if classifier_scores.judged(found, "classification"):
            drawn[f"confusion-{protocol}"] = classifier_scores.confusion(found)
            drawn[f"reliability-{protocol}"] = classifier_scores.reliability(found)
    if any(metrics.get("occlusion", {}).get("tasks", {}).values()):
        drawn["occlusion"] = classifier_maps.occlusion_maps(metrics["occlusion"])
    if stats:
        drawn["training"] = classifier_maps.fold_curves(stats)
    return drawn
