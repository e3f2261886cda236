"""Reads the rows of a CSV or JSON file, each with its location; a bad row is rejected and the others are read.

CSV is UTF-8 (a byte order mark is fine) with commas and a header. ``.jsonl`` is one object per line, ``.json`` is a
list of objects. Column names are compared without case.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.errors import AmbiguousName, BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A file or row that a run left out."""

    path: str
    """The audio file, or the file that contains the row; unprintable bytes are shown as escapes."""
    line: int | None = None
    """Line of the row, from 1; None for a whole file, and for JSON, which has a key."""
    reason: str
    """One stable word, such as ``no_artist``."""
    detail: str
    key: str | None = None
    """Where in a JSON file, such as ``[3]`` or the artist's name."""

    @property
    def shown(self) -> tuple[str, str, str]:
        """(location, reason, detail), as lists of problems show it."""
        location = f":{self.line}" if self.line is not None else f": {self.key}" if self.key else ""
        return self.path + location, self.reason, self.detail


def reason_of(error: BadInput | AmbiguousName) -> tuple[str, str]:
    """The reason word and the sentence of an error about one file or row."""
    if isinstance(error, AmbiguousName):
        return "ambiguous_name", str(error)
    return error.reason, error.detail


_MAX_FIELD = 20
"""Lines a quoted field may span. With this bound an unclosed quote spoils one row, not the rest of the file."""

_OPEN_QUOTE = "unexpected end of data"
"""Message of the csv module for a quote that is not closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row. Values are strings from CSV, any JSON type from JSON; empty cells are not in ``fields``."""

    path: str
    line: int | None = None
    key: str | None = None
    fields: Mapping[str, Any]  # Any: JSON; indexer.tabular.fields checks each on the way out

    def reject(self, reason: str, detail: str) -> Rejected:
        """This row as a rejected one."""
        return Rejected(path=self.path, line=self.line, key=self.key, reason=reason, detail=detail)


Row = Record | Rejected


def read_records(path: Path, *, required: Sequence[str]) -> Iterator[Row]:
    """Rows of the file at ``path``. ``required``: columns a CSV header must have, ``a|b`` for either of two.

    Raises BadInput when the file as a whole cannot be used: unreadable, of another format, without a header.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _csv_rows(path, read_text(path, lenient=True), required)
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(path, read_text(path, lenient=True))
    if suffix == ".json":
        return list_rows(path, read_json(path))
    raise BadInput("unknown_format", f"{path.name} is neither .csv, .json nor .jsonl")


def read_text(path: Path, *, lenient: bool = False) -> str:
    """The file as UTF-8 text. ``lenient`` keeps other bytes as lone surrogates, so that each row is checked itself."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput("unreadable", f"{path}: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("bad_encoding", f"{path.name} is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig", errors="surrogateescape" if lenient else "strict")
    except UnicodeDecodeError as error:
        raise BadInput("bad_encoding", f"{path.name} is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def read_json(path: Path) -> Any:
    """The parsed JSON file. Raises BadInput ``bad_json``, ``bad_encoding`` or ``unreadable``."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad_json", f"{path.name}: {error}") from error


def list_rows(path: Path, data: object) -> Iterator[Row]:
    """Rows of a parsed JSON list of objects. Raises BadInput ``bad_json`` for other data."""
    if not isinstance(data, list):
        raise BadInput("bad_json", f"{path.name} is not a list of objects")
    return (_json_row(str(path), item, line=None, key=f"[{index}]") for index, item in enumerate(data))


def _json_lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if line.strip():
            yield _json_line(str(path), line, number)


def _json_line(path: str, line: str, number: int) -> Row:
    fault = _fault(line)
    if fault is not None:
        return Rejected(path=path, line=number, reason=fault[0], detail=fault[1])
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Rejected(path=path, line=number, reason="bad_json", detail=str(error))
    return _json_row(path, item, line=number, key=None)


def _json_row(path: str, item: object, *, line: int | None, key: str | None) -> Row:
    if not isinstance(item, dict):
        detail = f"expected an object, not {type(item).__name__}"
        return Rejected(path=path, line=line, key=key, reason="bad_json", detail=detail)
    fields = {name.strip().lower(): value for name, value in item.items() if value not in (None, "")}
    return Record(path=path, line=line, key=key, fields=fields)


def _csv_rows(path: Path, text: str, required: Sequence[str]) -> Iterator[Row]:
    lines = list(io.StringIO(text, newline=""))
    header, start = _header(path, lines, required)
    return _csv_body(str(path), lines, header, start)


def _csv_body(path: str, lines: Sequence[str], header: Sequence[str], start: int) -> Iterator[Row]:
    while start < len(lines):
        cells, end = _cells(lines, start)
        if cells is None or cells:
            yield _csv_row(path, cells, header, line=start + 1)
        start = end


def _header(path: Path, lines: Sequence[str], required: Sequence[str]) -> tuple[list[str], int]:
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    cells, end = _cells(lines, start) if start < len(lines) else (None, start)
    header = [cell.strip().lower() for cell in cells or []]
    missing = [names for names in required if not set(names.split("|")) & set(header)]
    if missing:
        wanted = ", ".join(names.replace("|", " or ") for names in missing)
        raise BadInput(
            "no_header", f"{path.name}: the first line must name the columns, with commas; missing: {wanted}"
        )
    names = [name for name in header if name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput("bad_header", f"{path.name}: the header names {', '.join(twice)} twice")
    return header, end


def _cells(lines: Sequence[str], start: int) -> tuple[list[str] | None, int]:
    """Cells of the row that starts at line ``start`` (None when it is not CSV), and the line of the next row."""
    for end in range(start + 1, min(start + _MAX_FIELD, len(lines)) + 1):
        try:
            (cells,) = csv.reader(lines[start:end], strict=True)
        except csv.Error as error:
            if str(error) != _OPEN_QUOTE:
                break
        else:
            return cells if any(cell.strip() for cell in cells) else [], end
    return None, start + 1


def _csv_row(path: str, cells: list[str] | None, header: Sequence[str], *, line: int) -> Row:
    if cells is None:
        return Rejected(path=path, line=line, reason="bad_csv", detail="a quote is not closed, or text follows one")
    fault = _fault("".join(cells))
    if fault is not None:
        return Rejected(path=path, line=line, reason=fault[0], detail=fault[1])
    if len(cells) > len(header):
        detail = f"{len(cells)} columns, the header has {len(header)}; quote cells that contain a comma"
        return Rejected(path=path, line=line, reason="too_many_columns", detail=detail)
    fields = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell.strip()}
    return Record(path=path, line=line, fields=fields)


def _fault(text: str) -> tuple[str, str] | None:
    if "\0" in text:
        return "nul_bytes", "the row contains NUL bytes"
    if any("\udc80" <= char <= "\udcff" for char in text):
        return "bad_encoding", "the row is not UTF-8"
    return None
