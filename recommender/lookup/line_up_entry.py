"""Reads an entry of a line-up that is no artist's name: one name with wording around it, or several names in one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recommender.lookup.directory import Directory
from recommender.lookup.line_up_notes import strip_wording

MAX_ENTRY = 20_000
"""Characters of an entry that is read in another way; a line with all acts of a large festival has 5,000."""
MAX_NAMES = 1000
"""Names that one entry is read as."""
_MAX_DEPTH = 3
"""An entry may be a list by semicolons, of lists by commas, of acts that play back to back."""

_SURE = (
    re.compile(r"\s*[;\t\uff1b]\s*"),
    re.compile(r"\s+(?:b2b|b3b|b4b|back to back|back-to-back|vs\.?)\s+", re.IGNORECASE),
)
"""What separates names although some of them are unknown: hardly any name has it inside."""
_COMMA = re.compile(r"\s*[,\u3001\uff0c]\s*")
"""It stands inside names too ("Tyler, The Creator"), so it separates only where every part is known."""


def read_names(directory: Directory, entry: str) -> tuple[str, ...]:
    """The names that ``entry`` can be read as; none when it cannot. ``entry`` itself is no artist's name.

    One name: the entry without the wording of a line-up. Several: the parts between tabs, semicolons, "b2b" or "vs."
    where at least one of them is known, or between commas where all are. Unknown parts are among them, as given.
    """
    return _read(directory, entry, _MAX_DEPTH) if len(entry) <= MAX_ENTRY else ()


def _read(directory: Directory, entry: str, depth: int) -> tuple[str, ...]:
    if directory.knows_artist(entry):
        return (entry,)
    stripped, _ = strip_wording(entry)
    if stripped != entry and directory.knows_artist(stripped):
        return (stripped,)
    if not depth:
        return ()
    for pattern in _SURE:
        parts = _parts(pattern, stripped)
        readings = [_read(directory, part, depth - 1) for part in parts]
        if any(readings):
            return tuple(name for part, names in zip(parts, readings, strict=True) for name in names or (part,))
    return _all_read(directory, _parts(_COMMA, stripped), depth - 1)


def _parts(pattern: re.Pattern[str], entry: str) -> list[str]:
    """The parts of ``entry``; none when there are fewer than two, or too many."""
    parts = [part for part in pattern.split(entry.strip(), maxsplit=MAX_NAMES) if part.strip()]
    return parts if 1 < len(parts) <= MAX_NAMES else []


def _all_read(directory: Directory, parts: Sequence[str], depth: int) -> tuple[str, ...]:
    """What ``parts`` are read as; none as soon as one of them is unknown."""
    names: list[str] = []
    for part in parts:
        reading = _read(directory, part, depth)
        if not reading:
            return ()
        names += reading
    return tuple(names)
