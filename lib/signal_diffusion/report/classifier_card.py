"""The numbers of a classification run as its card tells them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from signal_diffusion.markdown import table
from signal_diffusion.report.classification import PROTOCOLS, captions
from signal_diffusion.report.classifier_scores import METRICS, SOURCES, judged, levels_of
from signal_diffusion.report.scores import interval

FIRST = ("balanced_accuracy", "macro_f1", "auroc", "ece", "mae", "r", "r2")
EVENTS = {
    "sensitivity": "sensitivity",
    "precision": "precision",
    "f1": "F1",
    "false_alarms_per_day": "false alarms per day",
}
LIMITS = (
    "Intervals are 95 % expanded percentile bootstrap intervals over subjects (Hesterberg 2015); they do not hold what "
    "another training seed would change, and where all subjects agree they have no width, which is not certainty.",
    "The null on demographics and the baseline on band powers are regressions whose classes weigh alike, fitted on all "
    "subjects that a fold does not hold out. A null may lie below chance: leaving out a person moves the rest of the "
    "people the other way.",
    "Scores of folds are pooled over models that were trained apart, whose confidences need not agree.",
    "Not for diagnosis.",
)


def evidence(metrics: Mapping[str, Any]) -> list[str]:
    """Markdown paragraphs and tables: how good the run is, against what, and for whom."""
    parts = []
    for protocol, found in metrics["protocols"].items():
        held_out = f"{found['subjects']} subjects, {found['windows']:,} windows"
        parts += [f"### On {PROTOCOLS[protocol]}", f"Held out: {held_out}.", *_tasks(found)]
    return parts


def limits() -> str:
    """What the numbers do not say, as a list."""
    return "\n".join(f"- {limit}" for limit in LIMITS)


def pictures(folder: str, names: Sequence[str]) -> str:
    """The figures in their order with captions; `names` are files in `folder`."""
    there = {name.removesuffix(".png") for name in names}
    return "\n\n".join(
        f"![{text}]({folder}/{name}.png)\n{text}" for name, text in captions().items() if name in there
    )


def _tasks(protocol: Mapping[str, Any]) -> Iterator[str]:
    for task, found in protocol["tasks"].items():
        if "unknown" in found:
            yield f"**{task}**: {found['unknown']}."
    for task, found in judged(protocol):
        for level in levels_of(found):
            yield f"**{task}**, {level['count']:,} {level['unit']}s"
            yield _scores(level)
        yield from _remarks(found)
        if "events" in found:
            yield _events(found["events"])


def _scores(level: Mapping[str, Any]) -> str:
    shown = [metric for metric in FIRST if metric in level["scores"]["model"]]
    rows = []
    for source, words in SOURCES.items():
        if source in level["scores"]:
            cells = [interval(level["scores"][source][metric]) for metric in shown]
            rows.append((words, *cells, _beaten(level, source, shown[0])))
    return table(("", *(METRICS[metric] for metric in shown), "model better by"), rows)


def _beaten(level: Mapping[str, Any], source: str, metric: str) -> str:
    """How much better the model is in the first score; bold where the interval excludes zero."""
    if source == "model":
        return ""
    difference = level["differences"][source][metric]
    sign = -1 if metric == "mae" else 1
    ends = {"value": difference["value"], "low": difference["low"], "high": difference["high"]}
    turned = {key: value if value is None else sign * value for key, value in ends.items()}
    if sign < 0:
        turned["low"], turned["high"] = turned["high"], turned["low"]
    text = interval(turned)
    return f"**{text}**" if difference["better"] else text


def _remarks(found: Mapping[str, Any]) -> Iterator[str]:
    """Why a number or a comparison is missing."""
    reasons = {f"{SOURCES[name]}: {reason}" for name, reason in found["absent"].items()}
    for level in found["levels"].values():
        if "unknown" in level:
            reasons.add(f"by person: {level['unknown']}")
            continue
        for metric, estimate in level["scores"]["model"].items():
            if metric in FIRST and "unknown" in estimate:
                reasons.add(f"{METRICS[metric]} of {level['unit']}s: {estimate['unknown']}")
    if reasons:
        yield "Unknown: " + "; ".join(sorted(reasons)) + "."


def _events(events: Mapping[str, Any]) -> str:
    if "unknown" in events:
        return f"Events: {events['unknown']}."
    rows = [
        (words, interval(events["mean_over_subjects"][key]), interval(events["pooled"][key]))
        for key, words in EVENTS.items()
    ]
    text = f"By events ({events['rules']}): {events['events']} events in {events['days']:.2f} days."
    return f"{text}\n\n{table(('', 'mean over subjects', 'all events'), rows)}"
