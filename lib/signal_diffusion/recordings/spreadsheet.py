"""The first sheet of an XLSX file as text: a zip archive of XML parts (ECMA-376, SpreadsheetML)."""

import posixpath
import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

from signal_diffusion.errors import UserError

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ROOT = "xl/workbook.xml"
DAMAGED = (  # what zipfile, zlib and the parser raise of a file that is hurt, cut, encrypted or something else
    OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, ElementTree.ParseError, LookupError, TypeError,
    ValueError,
)  # fmt: skip


def read_cells(path: Path) -> list[list[str]]:
    """Rows of equally many cells, "" where a cell is empty; UserError for a file that is no workbook.

    FileNotFoundError when it is not there.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            strings = _strings(archive)
            rows = [_row(row, strings) for row in _xml(archive, _first_sheet(archive)).iter(f"{MAIN}row")]
    except FileNotFoundError:
        raise
    except DAMAGED as error:
        complaint = type(error).__name__
        raise UserError(f"{path}: cannot be read as XLSX ({complaint}); save it as CSV in UTF-8") from None
    width = max((max(row) + 1 for row in rows if row), default=0)
    return [[row.get(i, "") for i in range(width)] for row in rows]


def _first_sheet(archive: zipfile.ZipFile) -> str:
    sheet = next(_xml(archive, ROOT).iter(f"{MAIN}sheet"), None)
    if sheet is None:
        raise LookupError("no sheet")
    relations = {each.get("Id"): each.get("Target") for each in _xml(archive, "xl/_rels/workbook.xml.rels")}
    return posixpath.normpath(posixpath.join("/xl", relations[sheet.get(RELATION)])).lstrip("/")


def _strings(archive: zipfile.ZipFile) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    return [_text(item) for item in _xml(archive, name).iter(f"{MAIN}si")]


def _row(row: ElementTree.Element, strings: list[str]) -> dict[int, str]:
    """Cells by column; a cell without a position follows the one before it."""
    cells: dict[int, str] = {}
    position = -1
    for cell in row.iter(f"{MAIN}c"):
        position = _column(cell.get("r")) if cell.get("r") else position + 1
        cells[position] = _value(cell, strings).strip()
    return cells


def _value(cell: ElementTree.Element, strings: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return _text(cell)
    text = cell.findtext(f"{MAIN}v", "")
    if cell.get("t") == "s":
        return strings[int(text)]
    return text if cell.get("t") in ("str", "b", "e") or not text else f"{float(text):.15g}"


def _text(item: ElementTree.Element) -> str:
    """Its runs in one; what explains how Chinese or Japanese is read is no part of it."""
    phonetic = {each for run in item.iter(f"{MAIN}rPh") for each in run.iter(f"{MAIN}t")}
    return "".join(each.text or "" for each in item.iter(f"{MAIN}t") if each not in phonetic)


def _column(reference: str) -> int:
    """0 for "A3", 27 for "AB1"."""
    number = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(name))
