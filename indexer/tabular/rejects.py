"""A file or a row that could not be used: where it stood, a stable word, and a sentence for the reader."""

from __future__ import annotations

from dataclasses import dataclass

from recommender.errors import AmbiguousName, BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One thing left out of a run that went on without it."""

    path: str
    """The audio file, or the file the row stands in; unprintable bytes are shown as escapes."""
    line: int | None = None
    """Line of the row, counted from 1; null for a whole file, and for JSON, which has a key."""
    reason: str
    """One stable word, such as ``no_artist``."""
    detail: str
    key: str | None = None
    """Where in a JSON file, such as ``[3]`` or the artist's name."""

    @property
    def shown(self) -> tuple[str, str, str]:
        """(where, reason, detail), to be listed."""
        place = f":{self.line}" if self.line is not None else f": {self.key}" if self.key else ""
        return self.path + place, self.reason, self.detail


def reason_of(error: BadInput | AmbiguousName) -> tuple[str, str]:
    """The stable word and the sentence for an error about one file or row."""
    if isinstance(error, AmbiguousName):
        return "ambiguous_name", str(error)
    return error.reason, error.detail
