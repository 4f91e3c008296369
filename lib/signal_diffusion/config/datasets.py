"""The raw datasets: what the settings say of each."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ValidationInfo, model_validator

from signal_diffusion.config.fields import Contradiction, Section, key
from signal_diffusion.config.homes import NO_ADDRESS, is_address

SIMULATED = "demo"
OF_KIND = {
    "folder": ("files", "table", "id", "columns", "values", "reference"),
    "bids": ("columns", "values", "reference"),
}
WITH_TASKS = "longitudinal"  # the dataset with code of its own whose BIDS tasks can be chosen
_OUTPUT = (
    "all in-between files lie under data.output_root, and scripts run by hand take --out; remove the key"
)


def from_file(value: Any, info: ValidationInfo) -> Any:
    """A path as a file of the config writes it: relative to that file's folder; ~ is the home folder."""
    return info.context["path"].parent / Path(value).expanduser() if isinstance(value, str) else value


def _from_file_if_dotted(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and value.startswith("~"):
        return Path(value).expanduser()
    return from_file(value, info) if isinstance(value, str) and value.startswith(("./", "../")) else value


DatasetPath = Annotated[Path | None, BeforeValidator(_from_file_if_dotted)]


class DatasetPaths(Section):
    """Where one dataset lies, its dB range and, for one without code of its own, how it is laid out.

    A relative path that starts with ./ or ../ counts from this file's folder; other relative
    ones from `data.root`. ~ is the home folder. An example of `kind = "folder"` is in docs/datasets.md.
    """

    root: DatasetPath = key(None, "Raw recordings; default: the dataset's name.", stage="index", strict=False)
    kind: Literal["", "bids", "folder"] = key(
        "",
        "How a dataset of your own is laid out; a dataset that has code of its own by its name has none.",
        stage="index",
    )
    files: str = key(
        "",
        "folder: path of a recording below the root, with {subject}, {session} and labels such as {task} in "
        "place of what differs; * is any part of a name, **/ any folders.",
        stage="index",
    )
    table: str = key("", "folder: CSV, TSV or XLSX below the root, one row per subject.", stage="index")
    id: str = key("", "folder: its column that holds what {subject} stands for.", stage="index")
    columns: dict[str, str] = key(
        {},
        "folder, bids: columns of the table (bids: participants.tsv, sessions.tsv) by label, such as "
        'gender = "Sex".',
        stage="index",
    )
    values: dict[str, dict[str, str]] = key(
        {},
        "folder, bids: per label, the words of the table or file names and what each means, such as "
        'gender = {female = "F", male = "M"}.',
        stage="index",
    )
    reference: str | None = key(
        None,
        "folder, bids: the electrode that was the reference, when it was on the scalp; bids: unset: as eeg.json says.",
        stage="index",
    )
    tasks: list[str] = key(
        [],
        "bids, and the dataset longitudinal: the BIDS tasks to take; empty: all, of longitudinal EyesOpen alone.",
        stage="index",
    )
    url: str | None = key(
        None,
        "Where `snakemake data/NAME` downloads it: a folder with a SHA256SUMS.txt (https://HOST/FOLDER/), or "
        "a part of a public bucket (s3+https://HOST/BUCKET/PREFIX/); default: where it is published.",
    )
    verify: bool = key(
        True,
        "Refuse a recording whose file is not the one that the dataset publishes: by its SHA256SUMS.txt, by the "
        "key that git-annex links it with, or by what its download has noted; 2.5 ms per MB.",
        stage="shards",
    )
    output: str | None = key(None, "Folder of the spectrograms.", refused=_OUTPUT)
    timeseries_output: str | None = key(None, "Folder of the time series.", refused=_OUTPUT)
    min_db: float | None = key(
        None, "Lower end of the dB range; unset: from the training split.", stage="dataset", unit="dB"
    )
    max_db: float | None = key(
        None, "Upper end of the dB range; goes with `min_db`.", stage="dataset", unit="dB"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_db_range(self.min_db, self.max_db)
        _check_url(self.url)
        _check_kind(self)
        if self.kind == "folder":
            _check_folder(self)
        return self


def check_db_range(min_db: float | None, max_db: float | None) -> None:
    """Refuse half a dB range, or an empty one."""
    if (min_db is None) != (max_db is None):
        given = "min_db" if max_db is None else "max_db"
        raise Contradiction(given, "is half a range; give both min_db and max_db, or neither")
    if min_db is not None and min_db >= max_db:
        raise Contradiction("max_db", f"{max_db:g} dB is not above min_db = {min_db:g} dB; raise it")


def check_name(name: str) -> None:
    """Refuse a name that could not stand in the names of files and targets."""
    if not re.fullmatch(r"[A-Za-z0-9_]+", name) or name == SIMULATED:
        wanted = f"letters, digits and _ make a name, {SIMULATED} is taken"
        raise Contradiction(f"datasets.{name}", f"cannot be a dataset's name: {wanted}; rename it")


def check_tasks(name: str, dataset: DatasetPaths) -> None:
    """Refuse a choice of tasks where nothing would read it."""
    if dataset.tasks and dataset.kind != "bids" and name != WITH_TASKS:
        raise Contradiction(
            f"datasets.{name}.tasks", f'is for {WITH_TASKS} and for kind = "bids"; remove the key'
        )


def _check_url(url: str | None) -> None:
    if url is not None and not is_address(url):
        raise Contradiction("url", NO_ADDRESS)  # which may hold a password: it is not shown


def _check_kind(dataset: DatasetPaths) -> None:
    for kind, names in OF_KIND.items():
        for name in names:
            if dataset.kind not in _kinds(name) and getattr(dataset, name):
                raise Contradiction(name, f'is for datasets of kind = "{kind}"; set that, or remove the key')


def _kinds(name: str) -> list[str]:
    return [kind for kind, names in OF_KIND.items() if name in names]


def _check_folder(dataset: DatasetPaths) -> None:
    fields = re.findall(r"\{(\w*)\}", dataset.files)
    if "subject" not in fields:
        raise Contradiction(
            "files", 'has no {subject}; give the path with it, such as "{subject}_{task}.edf"'
        )
    if bool(dataset.table) != bool(dataset.id):
        given, absent = ("table", "id") if dataset.table else ("id", "table")
        raise Contradiction(given, f"goes with {absent}, the two tie files to rows; give both, or neither")
    if dataset.columns and not dataset.table:
        raise Contradiction("columns", "there is no table to take them from; give table and id")
    for label in dataset.columns.keys() & set(fields):
        raise Contradiction(f"columns.{label}", "the file names give it too; take it from one of them")
    for label in dataset.values.keys() - dataset.columns.keys() - set(fields):
        raise Contradiction(f"values.{label}", "is no label of columns or files; correct the name")
