"""The pages of a published run for those who were not there: how it was made, what it used, its cards."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from signal_diffusion import files
from signal_diffusion.config.meanings import meanings
from signal_diffusion.config.params import VALUES
from signal_diffusion.datasets.recordings import FILE
from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.datasets.storage import read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.markdown import number
from signal_diffusion.progress import clock
from signal_diffusion.records import METADATA, Job, history, raw_files
from signal_diffusion.report.html import from_markdown, note, page, picture, table
from signal_diffusion.report.resources import resources_figure, resources_page, rule_uses
from signal_diffusion.report.stages import Stage, stages, stages_figure
from signal_diffusion.report.style import save

CARD = "README.md"
SETTINGS = ("key", "value", "unit", "meaning")


def write_overview(run: Path, dataset: Path, out: Path, metadata: Path = METADATA) -> None:
    """Write overview.html, resources.html, run.html and dataset.html and their figures into the folder `out`.

    run, dataset: the published run and the dataset that it was made from, as their rules name them. metadata:
    Snakemake's records, without which nobody knows how the run was made.
    """
    jobs = history(run.as_posix(), metadata)
    if not jobs:
        raise UserError(f"{metadata}: no record of how {run} was made; build it here, with `snakemake {run}`")
    uses = rule_uses(job for stage in stages(jobs) for job in stage.jobs)
    with files.replaced_folder(out) as folder:
        save(stages_figure(jobs), folder / "stages.png")
        save(resources_figure(uses), folder / "resources.png")
        pages = {
            "overview": _overview(
                run, dataset, jobs, picture(folder / "stages.png", "The way from files to results")
            ),
            "resources": resources_page(uses, picture(folder / "resources.png", "Used beside asked for")),
            "run": [from_markdown(run / CARD)],
            "dataset": [from_markdown(dataset / CARD)],
        }
        for name, parts in pages.items():
            files.write_text(folder / f"{name}.html", page(f"{run}: {name}", parts))


def _overview(run: Path, dataset: Path, jobs: Sequence[Job], figure: str) -> list[str]:
    spec, recordings = read_spec(dataset), _recordings(dataset)
    return [
        f"<h1>How {escape(run.as_posix())} was made</h1>",
        *(f"<p>{escape(line)}</p>" for line in _summary(spec, recordings, jobs)),
        figure,
        note("Every box is a stage; an arrow leads to what was made from it. Times are sums over jobs."),
        *([] if recordings is None else ["<h2>Recordings that were refused</h2>", _refused(recordings)]),
        *(part for number, stage in enumerate(stages(jobs), 1) for part in _stage(number, stage)),
    ]


def _recordings(dataset: Path) -> pd.DataFrame | None:
    """What became of every recording; None for images from elsewhere and for windows that a model drew."""
    path = dataset / FILE
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else None


def _summary(spec: Mapping[str, Any], recordings: pd.DataFrame | None, jobs: Sequence[Job]) -> Iterator[str]:
    """What was done to the data, in numbers."""
    raw = {path for paths in raw_files(list(jobs)).values() for path in paths}
    if "generated_by" in spec:
        yield _drawn(spec)
    elif recordings is None:
        yield from _images(spec, len(raw))
    else:
        yield _recorded(spec, recordings, len(raw))
        yield f"People, not windows, were split: {_parts(spec, 'windows', 'people')}. No person stands in two parts."
    begun, ended = min(job.began for job in jobs), max(job.ended for job in jobs)
    yield (
        f"{len(jobs)} jobs made it, the first on {_date(begun)} and the last on {_date(ended)}, "
        f"{clock(sum(job.ended - job.began for job in jobs))} of work in all. Below, each stage says what it does, "
        "with every setting that its results depend on, as it was in force when the stage ran."
    )


def _recorded(spec: Mapping[str, Any], recordings: pd.DataFrame, raw: int) -> str:
    used = recordings[recordings["status"] == "used"]
    hours = pd.to_numeric(used["used_s"]).sum() / 3600
    origin = f"{raw} raw files" if raw else "Simulated files"
    return (
        f"{origin} hold {len(recordings)} recordings of {len(recordings[SUBJECT].drop_duplicates())} people "
        f"({', '.join(sorted(set(recordings['dataset'])))}). {len(recordings) - len(used)} recordings were refused; "
        f"{number(float(hours), 2)} hours of the others were used, {len(spec['channels'])} channels at "
        f"{spec['fs']:g} Hz in windows of {spec['nsamps'] / spec['fs']:.3g} s ({spec['representation']})."
    )


def _drawn(spec: Mapping[str, Any]) -> str:
    """Of a synthetic dataset, whose counts of subjects are no people."""
    windows = ", ".join(f"{name} {count['windows']}" for name, count in spec["counts"].items())
    training = {"all": "Windows in the training part, beside the real ones,"}.get(
        spec["real"], "All training windows"
    )
    return (
        f"{training} were drawn from the diffusion model {spec['generated_by']['model']}, and no person stands behind "
        f"them. Windows by part: {windows} ({spec['representation']})."
    )


def _images(spec: Mapping[str, Any], raw: int) -> Iterator[str]:
    origin = f"{raw} raw files" if raw else "the Hugging Face hub"
    count = sum(each["windows"] for each in spec["counts"].values())
    side = spec["resolution"]
    yield f"{count} images of {side} x {side} pixels ({', '.join(spec['planes'])}) were made from {origin}."
    yield f"Groups, not images, were split: {_parts(spec, 'images', 'groups')}. No group stands in two parts."


def _parts(spec: Mapping[str, Any], windows: str, people: str) -> str:
    counts = spec["counts"].items()
    return ", ".join(
        f"{name} {each['windows']} {windows} of {each['subjects']} {people}" for name, each in counts
    )


def _date(seconds: float) -> str:
    return time.strftime("%d %B %Y, %H:%M", time.localtime(seconds))


def _refused(recordings: pd.DataFrame) -> str:
    rows = recordings.loc[recordings["status"] == "refused", ["dataset", "recording", "file", "reason"]]
    return table(("dataset", "recording", "file", "reason"), rows.to_numpy().tolist())


def _stage(number: int, stage: Stage) -> Iterator[str]:
    jobs = f"{len(stage.jobs)} job{'s' if len(stage.jobs) > 1 else ''} of the rule {stage.rule}"
    yield f"<h2>{number}. {escape(stage.title)}</h2>"
    yield f"<p>{escape(stage.words)}</p>" if stage.words else ""
    yield note(f"{jobs}, {clock(stage.seconds)} in all, on {_date(stage.jobs[0].began)}")
    for file, values in _settings(stage.jobs).items():
        yield _settings_table(file, values)
    yield f"<details><summary>Command of the first job</summary><pre>{escape(stage.jobs[0].command)}</pre></details>"


def _settings(jobs: Sequence[Job]) -> dict[str, dict[str, Any]]:
    """Config file -> key -> value, as the rule's params recorded them."""
    found: dict[str, dict[str, Any]] = {}
    for text in dict.fromkeys(text for job in jobs for text in job.params if isinstance(text, str)):
        if text.startswith(f'["{VALUES}"'):
            _, file, _, _, values = json.loads(text)
            found.setdefault(file, {}).update(values)
    return {file: values for file, values in found.items() if values}


def _settings_table(file: str, values: Mapping[str, Any]) -> str:
    known = meanings(Path(file))
    rows = [(key, _said(value), *known.get(key, ("", ""))) for key, value in sorted(values.items())]
    return f"<p>Settings of {escape(file)}</p>{table(SETTINGS, rows)}"


def _said(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)
