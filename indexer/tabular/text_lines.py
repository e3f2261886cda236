"""Reads text files, UTF-8 or UTF-16: whole, or as a stream of lines of bounded length."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.errors import BadInput

MAX_LINE = 1 << 20
"""Characters of a line. A longer one is read in parts of this size and dropped, so that memory stays bounded."""

_BAD_BYTES = "\udcff"
"""Stands for bytes that are not text; no decoder gives a lone surrogate, so it cannot be a character of the file."""
_OVERLONG = "\udcfe"
"""Stands for a line of more than MAX_LINE characters."""
_START_BYTES = 16
_MARKED = re.compile("[\0\udcfe\udcff]")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, None),  # before UTF-16: it starts with the same two bytes
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_OTHER_FILES = (
    (b"PK\x03\x04", "a spreadsheet or an archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet of an old version"),
    (b"\x1f\x8b", "compressed"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\0", "a database"),
)
"""How files start that are often given in place of text, whatever their name says."""


def _mark_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _BAD_BYTES, error.end


_MARKS = "soundkin-mark"
codecs.register_error(_MARKS, _mark_bad_bytes)


def read_text(path: Path) -> str:
    """The whole file as text. Raises BadInput ``unreadable``, ``unknown_format`` or ``bad_encoding``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput("unreadable", f"{path}: {error.strerror}") from error
    try:
        return data.decode(_encoding(path, data[:_START_BYTES]))
    except UnicodeDecodeError as error:
        problem = f"{path.name} is not {error.encoding.upper()} at byte {error.start}; save it as UTF-8"
        raise BadInput("bad_encoding", problem) from error


def read_lines(path: Path) -> Iterator[str]:
    """The lines of the file with their ends, read as they are asked for.

    A line that cannot be used is still one line: :func:`fault_of` gives the reason. Raises BadInput ``unreadable``,
    ``unknown_format`` for what is no text, or ``bad_encoding`` for UTF-32.
    """
    try:
        with _opened(path) as file:
            while line := file.readline(MAX_LINE):
                yield line if len(line) < MAX_LINE else _rest_dropped(file, line)
    except OSError as error:
        raise BadInput("unreadable", f"{path}: {error.strerror}") from error


@contextmanager
def _opened(path: Path) -> Iterator[io.TextIOWrapper]:
    with path.open("rb") as raw:
        encoding = _encoding(path, raw.peek(_START_BYTES)[:_START_BYTES])
        with io.TextIOWrapper(raw, encoding=encoding, errors=_MARKS, newline="") as file:
            yield file


def fault_of(text: str) -> tuple[str, str] | None:
    """Why a line of :func:`read_lines`, or a part of one, cannot be used: (reason, detail); None when it can."""
    marked = None if text.isascii() and "\0" not in text else _MARKED.search(text)
    if marked is None:
        return None
    if marked[0] == "\0":
        return "nul_bytes", "the row contains NUL bytes; save the file as UTF-8"
    if marked[0] == _OVERLONG:
        return "too_long", f"the line has more than {MAX_LINE} characters"
    return "bad_encoding", 'the row is not UTF-8; save the file as UTF-8 (in a spreadsheet: "CSV UTF-8")'


def _rest_dropped(file: io.TextIOWrapper, line: str) -> str:
    """The mark of an overlong line, after its rest was read; ``line`` itself when it ends here."""
    if line.endswith(("\n", "\r")):
        return line
    while (part := file.readline(MAX_LINE)) and not part.endswith(("\n", "\r")):
        pass
    return _OVERLONG


def _encoding(path: Path, start: bytes) -> str:
    """The encoding of a file with these first bytes. Raises BadInput."""
    other = next((kind for magic, kind in _OTHER_FILES if start.startswith(magic)), None)
    if other is not None:
        raise BadInput("unknown_format", f"{path.name} is {other} and not text; export it as CSV in UTF-8")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            if encoding is None:
                raise BadInput("bad_encoding", f"{path.name} is UTF-32; save it as UTF-8")
            return encoding
    if start[1:2] == start[3:4] == b"\0" != start[:1]:  # Latin letters of UTF-16 without its mark
        return "utf-16-le"
    if start[:1] == start[2:3] == b"\0" != start[1:2]:
        return "utf-16-be"
    return "utf-8"
