"""Reads the rows of a CSV or JSON file, each with its location; a bad row is rejected and the others are read.

CSV has a header, and commas, semicolons, tabs or vertical bars between columns; it may end in ``.csv``, ``.tsv`` or
``.txt``. ``.jsonl`` is one object per line, ``.json`` is a list of objects. Text is UTF-8 or UTF-16.
How names of columns are compared: :mod:`indexer.tabular.columns`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from indexer.tabular.columns import documented, normal_name
from indexer.tabular.csv_rows import CsvRow, read_csv
from indexer.tabular.text_lines import fault_of, read_lines, read_text
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row. Values are strings from CSV, any JSON type from JSON; empty cells are not in ``fields``."""

    path: str
    line: int | None = None
    key: str | None = None
    fields: Mapping[str, Any]  # Any: JSON; indexer.tabular.fields checks each on the way out
    decimal_comma: bool = False
    """Numbers are written with a decimal comma: the columns are separated by semicolons."""

    def reject(self, reason: str, detail: str) -> Rejected:
        """This row as a rejected one."""
        return Rejected(path=self.path, line=self.line, key=self.key, reason=reason, detail=detail)


Row = Record | Rejected
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_CSV_SUFFIXES = (".csv", ".tsv", ".txt")


def read_records(path: Path, *, required: Sequence[str]) -> Iterator[Row]:
    """Rows of the file at ``path``. ``required``: columns a CSV header must have, ``a|b`` for either of two.

    CSV and JSON lines are read as the rows are asked for, so that memory does not grow with the file. Raises BadInput
    when the file as a whole cannot be used: unreadable, of another format, without a header.
    """
    suffix = path.suffix.lower()
    if suffix in _CSV_SUFFIXES:
        return _started(_from_csv(str(path), row) for row in read_csv(path, required=required))
    if suffix in (".jsonl", ".ndjson"):
        return _started(_json_lines(path))
    if suffix == ".json":
        return list_rows(path, read_json(path))
    if suffix in _SPREADSHEETS:
        raise BadInput("unknown_format", f"{path.name} is a spreadsheet; export it as CSV in UTF-8")
    raise BadInput("unknown_format", f"{path.name} is none of {', '.join(_CSV_SUFFIXES)}, .json and .jsonl")


def _started(rows: Iterator[Row]) -> Iterator[Row]:
    """``rows``, with the first one read already: a file that cannot be used is refused here, not in the first loop."""
    return chain(list(islice(rows, 1)), rows)


def read_json(path: Path) -> Any:
    """The parsed JSON file. Raises BadInput ``bad_json``, ``bad_encoding`` or ``unreadable``."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad_json", f"{path.name} is not valid JSON: {error}; correct it there") from error


def list_rows(path: Path, data: object) -> Iterator[Row]:
    """Rows of a parsed JSON list of objects. Raises BadInput ``bad_json`` for other data."""
    if not isinstance(data, list):
        raise BadInput("bad_json", f"{path.name} is not a list of objects")
    return (_json_row(str(path), item, line=None, key=f"[{index}]") for index, item in enumerate(data))


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield _json_line(str(path), line, number)


def _json_line(path: str, line: str, number: int) -> Row:
    fault = fault_of(line)
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
    fields = {normal_name(name): value for name, value in item.items() if value not in (None, "")}
    for column, sources in documented(fields).items():
        fields[column] = fields[sources[0]]
    return Record(path=path, line=line, key=key, fields=fields)


def _from_csv(path: str, row: CsvRow) -> Row:
    if row.fault is not None:
        return Rejected(path=path, line=row.line, reason=row.fault[0], detail=row.fault[1])
    return Record(path=path, line=row.line, fields=row.fields, decimal_comma=row.decimal_comma)
