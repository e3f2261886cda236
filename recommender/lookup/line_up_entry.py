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

_WITH_GUESTS = (
    r"(?:with|w/|plus|\+|&|and)\s*(?:very )?(?:special )?(?:guests?|support)(?: acts?)?(?: (?:from|by))?"
    r"|supported by|support(?: from)?:|featuring|feat\.?|ft\.?|w/"
)
_SURE = (
    re.compile(r"\s*[;\t\uff1b]\s*"),
    re.compile(rf"\s+[(\[]?(?:b2b|b3b|b4b|back to back|back-to-back|vs\.?|versus|{_WITH_GUESTS}):?\s+", re.IGNORECASE),
)
"""What separates names although some of them are unknown: hardly any name has it inside."""
_COMMA = r"\s*[,\u3001\uff0c]\s*(?:(?:&|and)\s+)?"
_SOFT = (
    re.compile(_COMMA),
    re.compile(
        rf"{_COMMA}|\s+(?:[&+/|×•·\-\u2013\u2014]|x|and|und|et|y|e|with)\s+|\s*\uff06\s*",
        re.IGNORECASE,
    ),
)
"""They stand inside names too ("Tyler, The Creator"), so they separate only where every part is known."""
_UNOPENED = re.compile(r"^[^(\[]*[)\]]$")


def read_names(directory: Directory, entry: str) -> tuple[str, ...]:
    """The names that ``entry`` can be read as; none when it cannot. ``entry`` itself is no artist's name.

    One name: the entry without the wording of a line-up. Several: the parts between tabs, semicolons, or words such as
    "b2b" and "with support from" where at least one of them is known, or between commas, "&" and the like where all
    are. Unknown parts are among them, as given.
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
    all_known = (_all_read(directory, _parts(pattern, stripped), depth - 1) for pattern in _SOFT)
    return next((names for names in all_known if names), ())


def _parts(pattern: re.Pattern[str], entry: str) -> list[str]:
    """The parts of ``entry``; none when there are fewer than two, or too many."""
    parts = [_closed(part) for part in pattern.split(entry.strip(), maxsplit=MAX_NAMES) if part.strip()]
    return parts if 1 < len(parts) <= MAX_NAMES else []


def _closed(part: str) -> str:
    """``part`` without the bracket that was opened before it: "(with Low)" is cut behind "with"."""
    return part[:-1].strip() if _UNOPENED.match(part) else part


def _all_read(directory: Directory, parts: Sequence[str], depth: int) -> tuple[str, ...]:
    """What ``parts`` are read as; none as soon as one of them is unknown."""
    names: list[str] = []
    for part in parts:
        reading = _read(directory, part, depth)
        if not reading:
            return ()
        names += reading
    return tuple(names)
