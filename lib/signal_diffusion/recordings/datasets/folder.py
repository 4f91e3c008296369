"""A folder of recordings of one's own (`kind = "folder"`): the settings say how to read names and table.

`files` is the path of a recording below the root, `table` holds the people, `columns` and `values` turn what
stands there into labels. docs/datasets.md has an example.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.recordings import formats
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry

if TYPE_CHECKING:
    from signal_diffusion.config.datasets import DatasetPaths

LOG = logging.getLogger(__name__)
IDS = ("subject", "session")
UNKNOWN = {"gender": "", "health": "", "age": ""}


def list_recordings(root: str | Path, simulation=None, *, options: "DatasetPaths", name: str) -> list[Entry]:
    """The recordings whose paths fit `options.files`, in the order of their paths, with their labels.

    Labels of a file whose subject has no row are unknown, and its warning says so. Raises UserError for a
    pattern or a table that cannot be read, when nothing fits, and for whatever contradicts itself.
    """
    root, where = Path(root), f"[datasets.{name}]"
    matches = _matches(root, options.files, where)
    table = root / options.table if options.table else None
    people = _people(table, options, where) if table else {}
    _check_joined(matches, people, table, where)
    entries = [_entry(path, fields, people, table, options, name) for path, fields in matches.items()]
    _check_unique(entries, where)
    return entries


def pattern(files: str, where: str) -> re.Pattern:
    """A regular expression of whole paths; a field that stands twice must be the same word twice."""
    if files.rpartition(".")[2].isalnum() and Path(files).suffix.lower() not in formats.READERS:
        known = ", ".join(formats.READERS)
        raise UserError(
            f"{where} files: found suffix {Path(files).suffix!r}, expected one of {known}; correct it"
        )
    parts, seen = [], set()
    for part in re.split(r"(\{\w*\}|\*\*/|\*)", files):
        field = part.strip("{}") if part.startswith("{") else ""
        if field:
            if field not in IDS:
                tables.check_label(field, f"{where} files: {{{field}}}")
            parts.append(f"(?P={field})" if field in seen else f"(?P<{field}>[^/]+?)")
            seen.add(field)
        else:
            parts.append({"**/": "(?:[^/]+/)*", "*": "[^/]*"}.get(part, re.escape(part)))
    return re.compile("".join(parts))


def _matches(root: Path, files: str, where: str) -> dict[Path, dict[str, str]]:
    """Fields of each file that fits, by path; what could be read but does not fit is only counted."""
    wanted = pattern(files, where)
    paths = sorted(path for path in _files(str(root)) if path.suffix.lower() in formats.READERS)
    names = {path: path.relative_to(root).as_posix() for path in paths}
    found = {path: match.groupdict() for path, name in names.items() if (match := wanted.fullmatch(name))}
    others = [name for path, name in names.items() if path not in found]
    if not found:
        example = f"such as {others[0]}" if others else "none that can be read"
        raise UserError(
            f"{where} files: no file in {root} fits {files!r}; it holds {len(others)} others, {example}"
        )
    if others:
        LOG.info("%s: %d files do not fit %r, such as %s", where, len(others), files, others[0])
    return found


def _files(folder: str, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Visible files below, also behind links to other folders but for links to one that the link is in."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        inside = [os.path.join(folder, name) for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        LOG.warning("%s: not entered (%s)", folder, error.strerror)
        return
    for path in inside:
        if os.path.isdir(path):
            yield from _files(path, (*above, real))
        else:
            yield Path(path)


def _people(table: Path, options: "DatasetPaths", where: str) -> dict[str, dict[str, str]]:
    """Labels by what stands in the column `id`."""
    for label in options.columns:
        tables.check_label(label, f"{where} columns: {label}")
    rows = tables.read_table(table)
    for key, column in {"id": options.id, **{f"columns.{k}": v for k, v in options.columns.items()}}.items():
        if rows and column not in rows[0]:
            raise UserError(f"{where} {key}: {table} has no column {column!r}; it has {', '.join(rows[0])}")
    return {
        subject: {
            label: _value(row[column], label, options, f"{table}: {options.id} {subject}: {column}")
            for label, column in options.columns.items()
        }
        for subject, row in tables.by_id(rows, options.id, table).items()
    }


def _value(word: str, label: str, options: "DatasetPaths", where: str) -> str:
    return tables.meaning(word, label, options.values.get(label), where)


def _check_joined(matches: dict, people: dict, table: Path | None, where: str) -> None:
    subjects = {fields["subject"] for fields in matches.values()}
    if table and not subjects & people.keys():
        raise UserError(
            f"{where} id: no subject of the files is in {table}: the files have {_some(subjects)}, the table "
            f"{_some(people)}; make them the same words"
        )
    if without := people.keys() - subjects:
        LOG.info("%s: %d rows of %s have no file, such as %s", where, len(without), table, min(without))


def _some(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)[:3]) or "none"


def _entry(
    path: Path, fields: dict, people: dict, table: Path | None, options: "DatasetPaths", name: str
) -> Entry:
    subject, session = fields["subject"], fields.get("session", "")
    own = {
        label: _value(word, label, options, f"{path.name}: {{{label}}}")
        for label, word in fields.items()
        if label not in IDS
    }
    unknown = UNKNOWN | dict.fromkeys(options.columns, "")
    parts = [subject, f"ses-{session}" if session else "", *(fields[label] for label in own)]
    return Entry(
        dataset=name,
        subject=subject,
        session=session,
        recording="_".join(filter(None, parts)),
        path=path,
        labels=unknown | people.get(subject, {}) | own,
        reference=options.reference,
        warning="" if subject in people or table is None else f"{table.name} has no row for {subject}",
    )


def _check_unique(entries: list[Entry], where: str) -> None:
    seen: dict[str, Entry] = {}
    for entry in entries:
        other = seen.setdefault(entry.recording, entry)
        if other is not entry:
            raise UserError(
                f"{where} files: {other.path} and {entry.path} are both recording {entry.recording}; "
                "give the pattern a field that tells them apart"
            )
