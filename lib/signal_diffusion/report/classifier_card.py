"""The numbers of a classification run as its card tells them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from signal_diffusion.markdown import number, table
from signal_diffusion.metrics.classification.tables import SPLIT
from signal_diffusion.report.classification import captions, held_out_words
from signal_diffusion.report.classifier_scores import METRICS, judged, levels_of, sources_of, words_of
from signal_diffusion.report.scores import interval

FIRST = ("balanced_accuracy", "macro_f1", "auroc", "ece", "mae", "r", "r2")
TRIED = (
    "For each fold, inner folds of the subjects that it trains on chose the configuration; who is held out had no part."
    " The numbers are means over the inner folds of a score that is 1 for what is perfect and 0 for guessing; bold is "
    "what was chosen. The runs on shuffled labels train the same choice."
)
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
        people = f"{found['subjects']} subjects, {found['windows']:,} windows"
        parts += [f"### On {held_out_words(metrics, protocol)}", f"Held out: {people}.", *_tasks(found)]
    return parts


def tried(metrics: Mapping[str, Any]) -> list[str]:
    """Markdown: every candidate with its inner scores for each fold; nothing where nothing was chosen."""
    folds = metrics.get("selection", [])
    if not folds:
        return []
    names = list(folds[0]["candidates"])
    chosen = {name: sum(fold["chosen"] == name for fold in folds) for name in names}
    means = {name: np.mean([fold["candidates"][name]["mean"] for fold in folds]) for name in names}
    each = [
        (name, f"`{json.dumps(folds[0]['candidates'][name]['differs'])}`", f"{means[name]:.3f}", chosen[name])
        for name in names
    ]
    rows = [(_fold_name(metrics, fold), *(_inner(fold, name) for name in names)) for fold in folds]
    return [
        "### What was tried",
        TRIED,
        table(("candidate", "where it differs from the run", "mean over folds", "chosen"), each),
        table(("held out", *names), rows),
    ]


def _fold_name(metrics: Mapping[str, Any], fold: Mapping[str, Any]) -> str:
    people = ", ".join(subject for _, subject in fold["held_out"])
    return held_out_words(metrics, SPLIT) if fold["fold"] == SPLIT else f"{fold['fold']}: {people}"


def _inner(fold: Mapping[str, Any], name: str) -> str:
    text = f"{fold['candidates'][name]['mean']:.3f}"
    return f"**{text}**" if fold["chosen"] == name else text


def limits() -> str:
    """What the numbers do not say, as a list."""
    return "\n".join(f"- {limit}" for limit in LIMITS)


def pictures(folder: str, names: Sequence[str], metrics: Mapping[str, Any]) -> str:
    """The figures in their order with captions; `names` are files in `folder`."""
    there = {name.removesuffix(".png") for name in names}
    return "\n\n".join(
        f"![{text}]({folder}/{name}.png)\n{text}" for name, text in captions(metrics).items() if name in there
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
    for source in sources_of([level]):
        cells = [interval(level["scores"][source][metric]) for metric in shown]
        rows.append((words_of(source), *cells, _beaten(level, source, shown[0])))
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
    reasons = {f"{words_of(name)}: {reason}" for name, reason in found["absent"].items()}
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
    text = f"By events ({events['rules']}): {events['events']} events in {number(events['days'], 3)} days."
    return f"{text}\n\n{table(('', 'mean over subjects', 'all events'), rows)}"
