"""Quality against the number of network calls: one trained run, sampled by several solvers in few and many steps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.diffusion.calls import network_calls, rectified_calls, steps_within
from signal_diffusion.families.diffusion.conditioning import chosen
from signal_diffusion.families.diffusion.generate import load_denoiser, reference_rows
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.model import told
from signal_diffusion.families.diffusion.sample import RECTIFIED, Sampling, draw, sampling_of
from signal_diffusion.families.diffusion.sets import generated_set, real_set
from signal_diffusion.files import write_json
from signal_diffusion.metrics.comparison import MAX_COMPARED, Comparison
from signal_diffusion.metrics.encoder import load_encoder
from signal_diffusion.metrics.features import feature_spaces
from signal_diffusion.metrics.frontier import compare_paired, judge, qualities, rows_of, verdict
from signal_diffusion.metrics.resampling import estimate
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.progress import Progress
from signal_diffusion.training.processes import choose_device

DEFAULT = "generated"


@dataclass(frozen=True)
class Point:
    """One way to sample: its `method` is a solver, or rectified CFG++; `calls` per image."""

    name: str
    method: str
    calls: int
    sampling: Sampling


def points(run: DiffusionRun) -> list[Point]:
    """The run's own sampling, called `generated`, then every solver at every number of calls that it can keep to."""
    own = sampling_of(run, run.generation.seed, run.generation.batch_size)
    return [_point(run, own, DEFAULT), *_grid(run, own)]


def _grid(run: DiffusionRun, own: Sampling) -> Iterator[Point]:
    flow = run.objective.noise_schedule == "flow"
    for solver in dict.fromkeys(run.calls.solvers):
        if solver == "ddim" and flow:
            continue
        for calls in sorted(set(run.calls.calls)):
            if steps := steps_within(solver, calls, _guided(run)):
                sampling = replace(own, solver=solver, steps=steps, guidance="cfg")
                yield _point(run, sampling, f"{solver}-{calls}")


def _guided(run: DiffusionRun) -> bool:
    return run.model.conditioning != "none" and run.inference.cfg_scale not in (0.0, 1.0)


def _point(run: DiffusionRun, sampling: Sampling, name: str) -> Point:
    if sampling.guidance == RECTIFIED and _guided(run):
        return Point(name, RECTIFIED, rectified_calls(sampling.steps, sampling.power), sampling)
    calls = network_calls(sampling.solver, sampling.steps, _guided(run))
    return Point(name, sampling.solver, calls, sampling)


def measure_calls(
    run: DiffusionRun,
    model: Path,
    dataset: Path,
    captions: Path | None,
    untrained: Path,
    encoder: Path | None,
    out: Path,
    latents: Path | None = None,
    vae: str | Path | None = None,
) -> None:
    """Write to `out` (JSON) how good each of the run's `points` is, with floor, baselines and intervals.

    All sets are drawn from the same noise for the same labels, so that what differs is the solver; untrained: the
    set of the model before its first step, a baseline. Quality: `metrics.frontier`.
    """
    material = Material(run, dataset, captions, latents, vae)
    view = material.view
    train, reference = (
        real_set(view, dataset, s) for s in (run.dataset.train_split, run.evaluation.reference_split)
    )
    baseline = generated_set(view, untrained)
    count = min(run.calls.num_samples, len(train), len(reference), len(baseline), MAX_COMPARED)
    wanted = points(run)
    sets = dict(_draw_all(material, model, wanted, count))
    comparison = compare_paired(
        sets, baseline, train, reference, run.evaluation.bootstrap, run.evaluation.seed
    )
    spaces = feature_spaces(view.spec, load_encoder(encoder) if encoder else None)
    distances = judge(comparison, spaces, train)
    write_json(out, _described(wanted, distances, comparison))


def _draw_all(
    material: Material, model: Path, wanted: list[Point], count: int
) -> Iterator[tuple[str, ImageSet]]:
    """Each point's images as decibels."""
    run, device = material.run, choose_device()
    torch.set_num_threads(run.training.threads)
    denoiser, process, description = load_denoiser(model)
    reference = material.recorded(run.evaluation.reference_split)
    rows = reference_rows(len(reference), count, run.generation.seed)
    conditions = material.conditions(told(description), reference)
    told_to = chosen(conditions, rows)
    denoiser = denoiser.to(device)
    labels = reference.metadata.iloc[rows]
    with Progress(count * sum(point.calls for point in wanted), "sample", "call") as progress:
        for point in wanted:

            def done(images: int, calls: int = point.calls) -> None:
                progress.update(images * calls)

            drawn = draw(denoiser, process, told_to, range(count), point.sampling, done, material.decode)
            yield point.name, ImageSet.generated(material.view.images(drawn), labels)


def _described(
    wanted: list[Point], distances: dict[tuple[str, str], dict[str, np.ndarray]], comparison: Comparison
) -> dict[str, Any]:
    quality, calls = qualities(distances), {point.name: point.calls for point in wanted}
    units = comparison.units
    rows = rows_of(distances, list(calls), units)
    return {
        "images": comparison.size,
        "points": [
            {
                "set": point.name,
                "method": point.method,
                "steps": point.sampling.steps,
                "calls": point.calls,
                "quality": estimate(quality[point.name], units),
                "scores": [row for row in rows if row["set"] == point.name],
            }
            for point in wanted
        ],
        "floor": {
            space: {
                name: estimate(one["floor"], units) for (of, name), one in distances.items() if of == space
            }
            for space, _ in distances
        },
        "verdict": verdict(quality, calls, DEFAULT, units),
    }
