"""CURRENT: the one small file that names the published generation, for everyone who opens, publishes or removes one.

It is written beside the old one and renamed into place, so a reader sees the whole old file or the whole new one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from recommender.errors import GenerationCorrupt
from recommender.generation.manifest import SUM, sum_of, with_sum
from recommender.strict_json import from_facts, take_format, to_facts

CURRENT = "CURRENT"
POINTER_FORMAT = 1
"""Version of the layout of CURRENT; that of the generation itself is in its manifest."""


class Pointer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of CURRENT."""

    version: int
    manifest_sha256: str
    newest: int = 0
    """The highest version that existed when this was written, if higher: after a rollback, the one rolled back from."""

    @property
    def latest(self) -> int:
        """Versions up to this one were published or passed over; a higher one is still being published."""
        return max(self.version, self.newest)

    def to_json(self) -> str:
        """The text of CURRENT, with its checksum."""
        return json.dumps(with_sum({"format": POINTER_FORMAT} | to_facts(self)))

    @classmethod
    def from_json(cls, text: str) -> Pointer:
        """Parse what :meth:`to_json` wrote. Raises ValueError, which names the field, on any other shape."""
        facts = take_format(json.loads(text), POINTER_FORMAT)
        checksum = facts.pop(SUM, None)
        # The first release wrote neither a checksum nor "newest": a file with one of them needs both.
        is_first_release = checksum is None and "newest" not in facts
        if not is_first_release and checksum != sum_of(facts | {"format": POINTER_FORMAT}):
            raise ValueError("it does not have its checksum")
        return from_facts(facts, cls)


def read_current(home: Path) -> Pointer | None:
    """The content of CURRENT in ``home``; None when nothing was published.

    Raises:
        GenerationCorrupt: CURRENT cannot be read, or its content is not valid.
    """
    path = home / CURRENT
    try:
        return Pointer.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise GenerationCorrupt(CURRENT, str(path), f"cannot be understood ({error})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentState:
    """What a reader that must go on without CURRENT found there. Both are None when nothing was published."""

    pointer: Pointer | None = None
    damage: GenerationCorrupt | None = None
    """Why CURRENT cannot be used; then ``pointer`` is None."""


def inspect_current(home: Path) -> CurrentState:
    """The content of CURRENT in ``home``, or the reason why it cannot be used; never raises GenerationCorrupt.

    For callers that have something to do without it: build a new generation, fall back to an older one, report it.
    All others call :func:`read_current`.
    """
    try:
        return CurrentState(pointer=read_current(home))
    except GenerationCorrupt as error:
        return CurrentState(damage=error)
