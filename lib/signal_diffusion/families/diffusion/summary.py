"""All diffusion runs in one table: what each is, what it cost, and every distance beside floor and baseline."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch

from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.families.diffusion.costs import network_cost
from signal_diffusion.families.diffusion.model import build
from signal_diffusion.families.diffusion.pipeline import DESCRIPTION, WEIGHTS
from signal_diffusion.files import read_json
from signal_diffusion.metrics.comparison import best_baseline
from signal_diffusion.metrics.frontier import JUDGED
from signal_diffusion.training.logging import parameter_count
from signal_diffusion.training.weights import load_weights

FACTS = ("run", "model", "recipe", "representation", "conditioning", "prediction")
COSTS = ("parameters", "flops", "steps", "steps_per_s", "minutes")
BEST = "best_baseline"
NUMBERS = ("generated", "floor", BEST, "closed")


def summary_table(runs: Sequence[Path]) -> pd.DataFrame:
    """A row per published run, feature space and distance, best first; one without numbers per model that has no run.

    Columns: what the run is; `parameters`, `flops` of one call for one window, training `steps`, `steps_per_s` and the
    `minutes` that the steps took; `features`, `distance`; `generated`, `floor`, `best_baseline` and the share of the
    way `closed` with `_low` and `_high`, and the baseline's name in `baseline`.
    """
    columns = [*FACTS, *COSTS, "effects", "features", "distance", "baseline"]
    columns += [f"{name}{end}" for name in NUMBERS for end in ("", "_low", "_high")]
    rows = [row for run in runs for row in _rows(run)]
    without = [{"model": model} for model in EXTRAS if model not in {row["model"] for row in rows}]
    table = pd.DataFrame([*rows, *without], columns=columns)
    keys = ["recipe", "representation", "features", "distance"]
    order = table.assign(_worse=-table["closed"].astype(float)).sort_values(
        [*keys, "_worse", "run"], na_position="last", kind="stable"
    )
    return order[columns].reset_index(drop=True)


def _rows(run: Path) -> Iterator[dict[str, Any]]:
    metrics = read_json(run / "metrics.json")
    about = described_run(run) | {"effects": _effects(metrics["effects"])}
    for features, distances in metrics["distances"].items():
        for distance in JUDGED:
            scores = distances[distance]
            best, distance_of_best = best_baseline(scores)
            found = {**scores, BEST: distance_of_best}
            ends = [_ends(name, found[name]) for name in NUMBERS]
            place = about | {"features": features, "distance": distance, "baseline": best}
            yield {key: value for part in (place, *ends) for key, value in part.items()}


def described_run(run: Path) -> dict[str, Any]:
    """What a published run is and what it cost."""
    _, description = load_weights(run / "model" / WEIGHTS)
    spec = read_json(run / "model" / DESCRIPTION)["spec"]
    with torch.device("meta"):
        denoiser, _ = build(description)
    told = description["conditioning"]
    cost = network_cost(run.name, denoiser.network, tuple(description["image_shape"]), told["width"])
    return {
        "run": run.name,
        "model": description["model"],
        "recipe": spec["recipe"],
        "representation": spec["representation"],
        "conditioning": told["kind"],
        "prediction": description["process"]["prediction"],
        "parameters": parameter_count(denoiser),
        "flops": cost.flops,
        **_course(run / "stats.jsonl"),
    }


def _course(stats: Path) -> dict[str, Any]:
    """Steps, how many a second, and the minutes that they took without evaluations, from stats.jsonl."""
    if not stats.is_file():
        return {}
    records = [json.loads(line) for line in stats.read_text(encoding="utf-8").splitlines() if line]
    timed = [record for record in records if "ms_per_step" in record]
    if not timed:
        return {}
    before = [0, *(record["step"] for record in timed[:-1])]
    spent = sum(r["ms_per_step"] * (r["step"] - first) for r, first in zip(timed, before, strict=True))
    return {
        "steps": max(record["step"] for record in records),
        "steps_per_s": 1000 / median(record["ms_per_step"] for record in timed),
        "minutes": spent / 60_000,
    }


def _effects(effects: Sequence[Mapping[str, Any]]) -> str:
    """How many labels do to the spectrum what they do in recordings, of those that do something there."""
    primary = [one for one in effects if one["primary"]]
    return f"{sum(one['agrees'] for one in primary)} of {len(primary)}" if primary else ""


def _ends(name: str, estimate: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: estimate["value"], f"{name}_low": estimate["low"], f"{name}_high": estimate["high"]}
