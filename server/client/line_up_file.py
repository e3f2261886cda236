"""Reads line-ups: names given as words, or the lines of files in UTF-8 or UTF-16. A bad line costs that line only.

A ``.csv`` file whose first line has a column ``artist`` or ``name`` is read as a table; its columns ``day`` and
``stage`` say in which group an act is.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from server.client.requests import artist_ref

MAX_FILE_BYTES = 4 << 20
"""Of one file. A request has room for 1 MiB."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line of a file that cannot be read."""

    file: str
    line: int
    """Counted from 1."""
    problem: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An act of a line-up."""

    name: str
    group: str = ""
    """Its day and stage, such as "Saturday, Main Stage"; empty where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """The acts of a line-up, and the lines that could not be read."""

    acts: tuple[Act, ...]
    bad_lines: tuple[BadLine, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all acts."""
        return tuple(act.name for act in self.acts)

    def entries(self) -> list[pb.LineUpEntry]:
        """The acts as a request has them. Raises InvalidArgument for a name that is not UTF-8."""
        return [
            pb.LineUpEntry(artist=artist_ref(act.name), groups=[act.group] if act.group else []) for act in self.acts
        ]


def read_line_up(words: Iterable[str]) -> LineUp:
    """The names of a line-up: each of ``words``, or each line of it where it is a file.

    Lines that are blank or begin with ``#`` are skipped. Raises InvalidArgument for a file without a name that can be
    read, for one that is too large, and for a ``.txt`` file that does not exist.
    """
    parts = [_read_file(Path(word)) if _is_file(word) else LineUp(acts=(Act(name=_name(word)),)) for word in words]
    return LineUp(
        acts=tuple(act for part in parts for act in part.acts),
        bad_lines=tuple(line for part in parts for line in part.bad_lines),
    )


def refuse_paths(words: Iterable[str], unresolved: Iterable[pb.ResolvedArtist]) -> None:
    """Raise InvalidArgument for a word of a line-up that is no artist's name and looks like a path.

    An artist's name may contain a path separator or be the name of a folder, so this is decided after the reply.
    """
    unknown = {answer.ref.name for answer in unresolved if answer.resolution == pb.RESOLUTION_NOT_FOUND}
    for word in words:
        if word not in unknown or _is_file(word):
            continue
        if os.path.isdir(word):
            raise InvalidArgument("--lineup", f"{word!r} is a folder and no artist's name; give a file")
        if os.sep in word:
            raise InvalidArgument("--lineup", f"no file and no artist is called {word!r}; check the name")


def _is_file(word: str) -> bool:
    """Whether ``word`` can be read as a file; a pipe of the shell can."""
    return os.path.exists(word) and not os.path.isdir(word)


def _name(word: str) -> str:
    if word.lower().endswith(".txt") and artist_ref(word).WhichOneof("ref") == "name":
        raise InvalidArgument("--lineup", f"no such file {word!r}; check the path")
    return word


def _read_file(path: Path) -> LineUp:
    lines, bad_lines = read_lines("--lineup", path)
    acts = _table(path, lines) or [
        Act(name=line.strip()) for line in lines if line.strip() and not line.lstrip().startswith("#")
    ]
    if bad_lines and not acts:
        raise InvalidArgument("--lineup", f"{path} has no line that is UTF-8; save it as UTF-8")
    if not acts:
        raise InvalidArgument("--lineup", f"{path} has no names; write one name per line")
    return LineUp(acts=tuple(acts), bad_lines=tuple(bad_lines))


def read_lines(option: str, path: Path) -> tuple[list[str], list[BadLine]]:
    """The lines of a file that can be read, and the others. Raises InvalidArgument for one that is too large."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InvalidArgument(option, f"{path} has more than {MAX_FILE_BYTES >> 20} MiB; give a list of names")
    problem = "is not UTF-8; save the file as UTF-8"
    numbered = list(enumerate(_lines(content), start=1))
    bad = [BadLine(file=str(path), line=number, problem=problem) for number, line in numbered if line is None]
    return [line for _, line in numbered if line is not None], bad


def read_table(lines: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table by the names of its columns, which are read in lower case and without spaces around them."""
    rows = csv.reader(lines)
    columns = [column.strip().lower() for column in next(rows, [])]
    return [dict(zip(columns, (cell.strip() for cell in row), strict=False)) for row in rows if any(row)]


def _table(path: Path, lines: Sequence[str]) -> list[Act]:
    """The acts of a table; none where the file is not a table of acts."""
    if path.suffix.lower() != ".csv":
        return []
    rows = read_table(lines)
    named = [(row.get("artist") or row.get("name") or "", row) for row in rows]
    return [Act(name=name, group=_group(row.get("day", ""), row.get("stage", ""))) for name, row in named if name]


def _group(day: str, stage: str) -> str:
    """
    >>> _group("Saturday", "Main Stage"), _group("", "Tent")
    ('Saturday, Main Stage', 'Tent')
    """
    return ", ".join(part for part in (day, stage) if part)


def _lines(content: bytes) -> Sequence[str | None]:
    """The lines of a file; None for one that is not in the encoding of the file."""
    encoding, start = _encoding(content)
    if encoding != "utf-8":
        # A line ends in two or four bytes, so the text is decoded whole; a bad place leaves U+FFFD in its line.
        lines = content[start:].decode(encoding, errors="replace").splitlines()
        return [None if "\N{REPLACEMENT CHARACTER}" in line else line for line in lines]
    return [part for raw in _LINE_END.split(content[start:]) for part in _decoded(raw)]


def _decoded(raw: bytes) -> Sequence[str | None]:
    try:
        return raw.decode().splitlines() or [""]
    except UnicodeDecodeError:
        return [None]


def _encoding(content: bytes) -> tuple[str, int]:
    """The encoding of a file and where its text starts: by its byte order mark, else by where zeros stand.

    >>> _encoding("Low".encode("utf-16-le")), _encoding(b"Low"), _encoding("\ufeffLow".encode("utf-16-be"))
    (('utf-16-le', 0), ('utf-8', 0), ('utf-16-be', 2))
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return encoding, len(mark)
    zeros = content[:4096:2].count(0), content[1:4096:2].count(0)
    if max(zeros) > len(content[:4096]) // 4:
        return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), 0
    return "utf-8", 0
