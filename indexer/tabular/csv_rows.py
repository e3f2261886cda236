"""Reads CSV as spreadsheets write it: the delimiter is found from the header, and a bad row costs only itself."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from indexer.tabular.columns import documented, normal_name
from indexer.tabular.text_lines import fault_of, read_lines
from recommender.errors import BadInput

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""Delimiter -> its name in messages. The first wins where a header fits several."""

_MAX_FIELD = 20
"""Lines a quoted field may span. With this bound an unclosed quote spoils one row, not the rest of the file."""

_OPEN_QUOTE = "unexpected end of data"
"""Message of the csv module for a quote that is not closed."""

_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""A first line by which Excel is told the delimiter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRow:
    """One row: its cells that are not empty, by column, or why it cannot be used."""

    line: int
    """From 1."""
    fields: Mapping[str, str]
    fault: tuple[str, str] | None = None
    """(reason, detail); None for a good row."""
    decimal_comma: bool = False
    """Numbers have a decimal comma: so write spreadsheets that separate columns with semicolons."""


def read_csv(path: Path, *, required: Sequence[str]) -> Iterator[CsvRow]:
    """The rows of a CSV file with a header. ``required``: columns that it must have, ``a|b`` for either of two.

    Raises BadInput with the first row when the file as a whole cannot be used.
    """
    lines = _Lines(read_lines(path))
    header = _read_header(path, lines, required)
    while lines.ahead(1):
        number = lines.number
        cells = lines.take_row(header.delimiter)
        if cells is None or cells:
            yield header.row(cells, number)


class _Lines:
    """Lines of a file with a look ahead, so that a quoted field may span some of them."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._buffer: deque[str] = deque()
        self.number = 1
        """Number of the next line."""

    def ahead(self, count: int) -> list[str]:
        """The next ``count`` lines, fewer at the end of the file; they are not taken."""
        self._buffer.extend(islice(self._source, max(0, count - len(self._buffer))))
        return list(islice(self._buffer, count))

    def take(self, count: int) -> None:
        """Go past ``count`` lines."""
        for _ in range(count):
            self._buffer.popleft()
        self.number += count

    def take_row(self, delimiter: str) -> list[str] | None:
        """Go past the next row, and return its cells: None when it is not CSV, empty when it is blank."""
        cells, count = self.next_row(delimiter)
        self.take(count)
        return cells

    def next_row(self, delimiter: str) -> tuple[list[str] | None, int]:
        """Cells of the next row, and how many lines it has: one when it is not CSV."""
        for count in range(1, _MAX_FIELD + 1):
            lines = self.ahead(count)
            if len(lines) < count:
                break
            cells, is_open = _cells("".join(lines), delimiter)
            if cells is not None:
                return cells if any(cell.strip() for cell in cells) else [], count
            if not is_open:
                break
        return None, 1


def _cells(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
    """The cells of one row, or None and whether that is because a quote is still open.

    Spaces around a quoted cell, ``"A" , "B"``, are not part of it.
    """
    try:
        return _strict_cells(text, delimiter), False
    except csv.Error as error:
        if str(error) == _OPEN_QUOTE:
            return None, True
    closed = re.sub(rf'" +(?={re.escape(delimiter)}|[\r\n]|$)', '"', text)
    try:
        return (_strict_cells(closed, delimiter) if closed != text else None), False
    except csv.Error as error:
        return None, str(error) == _OPEN_QUOTE


def _strict_cells(text: str, delimiter: str) -> list[str]:
    (cells,) = csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True)
    return cells


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    names: tuple[str, ...]
    """Columns in their order, in normal spelling; empty for a column without a name."""
    delimiter: str
    meant: Mapping[str, Sequence[str]]
    """Documented column -> columns of the file with another name for it."""

    @property
    def columns(self) -> set[str]:
        return {name for name in self.names if name} | set(self.meant)

    def row(self, cells: list[str] | None, line: int) -> CsvRow:
        """The row of these cells; with a fault where there is one."""
        fault = self._fault(cells)
        if cells is None or fault is not None:
            return CsvRow(line=line, fields={}, fault=fault)
        fields = {name: cell for name, cell in zip(self.names, cells, strict=False) if name and cell.strip()}
        for column, sources in self.meant.items():
            given = next((fields[source] for source in sources if source in fields), None)
            if given is not None:
                fields[column] = given
        return CsvRow(line=line, fields=fields, decimal_comma=self.delimiter == ";")

    def _fault(self, cells: list[str] | None) -> tuple[str, str] | None:
        if cells is None:
            return "bad_csv", "a quote is not closed, or text follows one"
        if not any(cell.strip() for cell in cells[len(self.names) :]):
            return fault_of("".join(cells))
        separated = DELIMITERS[self.delimiter]
        detail = f"{len(cells)} columns, the header has {len(self.names)}; quote cells that contain {separated}"
        return fault_of("".join(cells)) or ("too_many_columns", detail)


def _read_header(path: Path, lines: _Lines, required: Sequence[str]) -> _Header:
    """Go past the header, and what stands before it. Raises BadInput ``no_header`` or ``bad_header``."""
    given = _given_delimiter(path, lines)
    if not lines.ahead(1):
        raise BadInput("no_header", f"{path.name} is empty; the first line must name the columns")
    choices = [given] if given else sorted(DELIMITERS, key=lambda one: one != "\t" if path.suffix == ".tsv" else False)
    headers = [_header(lines.next_row(delimiter)[0], delimiter) for delimiter in choices]
    best = max(headers, key=lambda one: (-len(_missing(one, required)), len(one.names)))
    _require(path, best, _missing(best, required))
    lines.take_row(best.delimiter)
    return best


def _given_delimiter(path: Path, lines: _Lines) -> str | None:
    """Go past blank lines and a ``sep=`` line, and return the delimiter that it names."""
    given = None
    while (ahead := lines.ahead(1)) and (not ahead[0].strip() or _SEP_LINE.fullmatch(ahead[0])):
        if named := _SEP_LINE.fullmatch(ahead[0]):
            given = named[1]
        lines.take(1)
    if given is not None and given not in DELIMITERS:
        wanted = ", ".join(DELIMITERS.values())
        raise BadInput("bad_header", f"{path.name}: 'sep={given}' names no known delimiter; use one of {wanted}")
    return given


def _header(cells: list[str] | None, delimiter: str) -> _Header:
    names: list[str] = []
    for cell in cells or ():
        name = normal_name(cell.strip())
        names.append(cell.strip().lower() if name in names else name)
    return _Header(names=tuple(names), delimiter=delimiter, meant=documented(name for name in names if name))


def _missing(header: _Header, required: Sequence[str]) -> list[str]:
    return [names for names in required if not set(names.split("|")) & header.columns]


def _require(path: Path, header: _Header, missing: Sequence[str]) -> None:
    named = [name for name in header.names if name]
    if missing:
        wanted = ", ".join(names.replace("|", " or ") for names in missing)
        problem = f"{path.name}: the first line must name the columns; missing: {wanted}"
        if len(named) > 1:
            problem += f"; {DELIMITERS[header.delimiter]} found, with the columns {', '.join(named[:10])}"
        raise BadInput("no_header", problem)
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise BadInput("bad_header", f"{path.name}: the header names {', '.join(twice)} twice")
