"""Describes a file or row that could not be used: its location, a stable reason word, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass

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
