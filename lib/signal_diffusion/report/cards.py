"""The card of a published run: what it is, what it was made from, how good it is, what it is not."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from signal_diffusion.config.images import IMAGES
from signal_diffusion.markdown import number, table
from signal_diffusion.metrics.comparison import ROUND_TRIP, best_baseline
from signal_diffusion.report.figures import CAPTIONS
from signal_diffusion.report.scores import SHOWN, baseline_cell, interval
from signal_diffusion.report.style import name

WITHOUT_PHASE = (
    "The images are log-power spectrograms without phase: no signal can be recovered from them exactly."
)
AS_DECIBELS = "Distances, spectra and effects are those of the decibels alone; phases are not judged."
LIMITS = (
    "Intervals are 95 % bootstrap intervals over subjects (real) and images (generated); they do not hold "
    "what another training seed would change.",
    "Nearest-training distances find copies, not every leak: they are no proof of privacy.",
    "Labels change generated images as they change the training recordings, confounds included. "
    "Not for diagnosis.",
)

OF_IMAGES = {
    "samples": "Real and generated images.",
    "nearest": "Distance to the nearest training image: generated images beside images of unseen groups.",
}
NO_EEG = "These are no spectrograms: band powers, effects of labels on them and waveforms are left out."
DRAWN = (
    "The training windows were drawn from a model, all or some of them: the floor, and what labels do in real windows, "
    "are measured on them too."
)
UNORDERED = {"natten", "mamba-ssm"}  # their backward passes promise no order of additions


def model_card(
    run: str,
    config: Mapping[str, Any],
    spec: Mapping[str, Any],
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
    figures: Sequence[str],
    usage: str,
) -> str:
    """Markdown with Hugging Face front matter.

    `config` is the resolved run by section, `spec` is dataset.json, `metrics` a `Battery`'s, `training`
    facts to list (parameters, steps, seconds), `figures` paths relative to the card, `usage` Python code
    that loads the model and generates.
    """
    parts = [
        _front_matter(run, spec),
        f"# {run}",
        f"A diffusion model of {_what(spec)}, trained on `{spec['recipe']}` ({spec['representation']}).",
        f"```python\n{usage.strip()}\n```",
        _figures(figures, ("samples",), spec),
        "## How good it is",
        *_evidence(metrics, spec),
        "## Data",
        _data(spec),
        "## Training",
        table(("", ""), [(name(key), number(value)) for key, value in training.items()]),
        "## Figures",
        _figures(figures, [key for key in CAPTIONS if key != "samples"], spec),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(spec, metrics, training)),
        "## Configuration",
        f"```json\n{json.dumps(config, indent=2, ensure_ascii=False, default=str)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(spec: Mapping[str, Any]) -> str:
    return "images" if spec["representation"] == IMAGES else "EEG spectrograms"


def _front_matter(run: str, spec: Mapping[str, Any]) -> str:
    lines = [
        "---",
        "license: unknown",
        "pipeline_tag: text-to-image",
        f"tags: [{'image' if spec['representation'] == IMAGES else 'eeg, spectrogram'}, diffusion]",
        f"model_name: {run}",
        f"datasets: [{spec['recipe']}-{spec['representation']}]",
        "---",
    ]
    return "\n".join(lines)


def _evidence(metrics: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    scores = (
        _spectra(metrics["spectra"]),
        _effects(metrics["effects"]),
        _memorisation(metrics["memorisation"]),
    )
    return [_distances(metrics, _people(spec)), *scores]


def _people(spec: Mapping[str, Any]) -> str:
    """Whose windows stay in one split."""
    return "groups of images" if spec["representation"] == IMAGES else "people"


def _distances(metrics: Mapping[str, Any], people: str) -> str:
    samples = metrics["samples"]
    bounds = [
        key
        for key in ("generated", "floor", ROUND_TRIP)
        if key in next(iter(metrics["distances"].values()))["mmd"]
    ]
    ends = [name(key) if key == ROUND_TRIP else key for key in bounds]
    header = ("features", "distance", *ends, "best baseline", "way closed")
    rows = []
    for space, scores in metrics["distances"].items():
        for distance in SHOWN:
            one = scores[distance]
            cells = (interval(one[key], 3) for key in bounds)
            baseline = baseline_cell(*best_baseline(one))
            rows.append((name(space), name(distance), *cells, baseline, interval(one["closed"])))
    text = (
        f"Distances from {samples['compared']} windows of {samples['reference_subjects']} unseen {people}, "
        f"{samples['compared']} images from every set. The floor is what real training windows reach; the "
        "way closed is 0 for the best baseline and 1 at the floor. It is unknown where real training windows are no "
        f"nearer than the best baseline, and an interval where too few {people} are unseen."
    )
    return f"{text}\n\n{table(header, rows)}"


def _spectra(spectra: Mapping[str, Any]) -> str:
    if not spectra:
        return NO_EEG
    rows = [
        (name(key), interval(one["generated"]), interval(one["floor"]), interval(best_baseline(one)[1]))
        for key, one in spectra.items()
    ]
    header = ("mean spectrum, mean absolute difference (dB)", "generated", "floor", "best baseline")
    return table(header, rows)


def _effects(effects: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{record['label']}: {' → '.join(name(value) for value in record['values'])}",
            f"{name(record['measure'])} ({record['unit']})",
            interval(record["real"]),
            interval(record["generated"]),
            interval(record["ratio"]),
            "yes" if record["agrees"] else "no",
        )
        for record in effects
        if record["primary"]
    ]
    if not rows:
        return ""
    text = (
        "What each label does to the measure that it acts on, all other labels held alike. It agrees when "
        "direction and size (0.5 to 2 times) are right and both intervals exclude zero."
    )
    return f"{text}\n\n{table(('label', 'measure', 'real', 'generated', 'ratio', 'agrees'), rows)}"


def _memorisation(memorisation: Mapping[str, Any]) -> str:
    header = ("nearest training image", "generated, median", "unseen, median", "ratio", "below 5 % of unseen")
    rows = [
        (
            name(space),
            interval(one["generated"]["median"]),
            interval(one["unseen"]["median"]),
            interval(one["median_ratio"]),
            interval(one["below"]),
        )
        for space, one in memorisation.items()
    ]
    return table(header, rows)


def _data(spec: Mapping[str, Any]) -> str:
    header = ("split", "windows", "recordings", "subjects")
    rows = [(split, *(number(count[key]) for key in header[1:])) for split, count in spec["counts"].items()]
    if spec["representation"] == IMAGES:
        size = f"{spec['resolution']} x {spec['resolution']} pixels of {', '.join(spec['planes'])}"
        return f"{size}. Splits are by group.\n\n{table(header, rows)}"
    text = (
        f"{len(spec['channels'])} channels ({', '.join(spec['channels'])}), {spec['frames']} frames each, "
        f"{spec['min_db']:g} to {spec['max_db']:g} dB. Splits are by subject."
    )
    return f"{text}{drawn_windows(spec)}\n\n{table(header, rows)}"


def drawn_windows(spec: Mapping[str, Any]) -> str:
    """What the counts of a dataset are no people of; nothing where all windows were recorded."""
    if "generated_by" not in spec:
        return ""
    return (
        f" Training windows that the diffusion model `{spec['generated_by']['model']}` drew count a recording and a "
        "subject each; no person stands behind them."
    )


def _limits(
    spec: Mapping[str, Any], metrics: Mapping[str, Any], training: Mapping[str, Any]
) -> Iterable[str]:
    phase = () if spec["representation"] == IMAGES else (_phase_limit(spec),)
    yield from (_size_limit(metrics["samples"], _people(spec)), *phase, *LIMITS)
    if "generated_by" in spec:
        yield DRAWN
    if unordered := sorted(UNORDERED.intersection(map(str, training.values()))):
        kernels = " and ".join(unordered)
        yield f"The kernels of {kernels} add in no fixed order: training again gives other last digits."


def _size_limit(samples: Mapping[str, int], people: str) -> str:
    count = samples["reference_subjects"]
    return f"All distances rest on {count} unseen {people}; the floor's interval says what so few can tell."


def _phase_limit(spec: Mapping[str, Any]) -> str:
    return WITHOUT_PHASE if spec["representation"] == "db-only" else AS_DECIBELS


def _figures(figures: Sequence[str], wanted: Iterable[str], spec: Mapping[str, Any]) -> str:
    captions = CAPTIONS | (OF_IMAGES if spec["representation"] == IMAGES else {})
    paths = {path.rsplit("/", 1)[-1].removesuffix(".png"): path for path in figures}
    return "\n\n".join(f"![{captions[key]}]({paths[key]})\n{captions[key]}" for key in wanted if key in paths)
