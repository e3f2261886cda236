"""What a disk does to a file without a word: a bit that flips, an end that is gone, a page of zeros."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import EmbeddingsCorrupt, GenerationCorrupt

PAGE = 4096
KINDS = ("flip", "flip", "flip", "flip", "cut", "zeros")
"""Two damages in three are flips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Files after all that was done to them, one damage at a time."""

    done: Counter[str]
    """Kind -> damages that changed a file."""
    same: int
    """Pages that were zero already: no damage, and not counted among those done."""
    files: int
    unnoticed: tuple[str, ...]
    """What was opened as if nothing had happened."""


def damage_each(files: Sequence[Path], check: Callable[[Path], object], times: int, chance: random.Random) -> Damaged:
    """Damage ``files`` in turn, ``times`` in all, each time see whether ``check`` of that file raises, and mend it.

    Only the errors that name a corrupt file count as noticing: any other is raised.
    """
    done: Counter[str] = Counter()
    same, unnoticed = 0, []
    turns = _forever([path for path in files if path.stat().st_size])
    while done.total() < times:
        path = next(turns)
        good = path.read_bytes()
        kind, bad, where = _damaged(good, chance)
        if bad == good:
            same += 1
            continue
        done[kind] += 1
        path.write_bytes(bad)
        if not _noticed(path, check):
            unnoticed.append(f"{path.name}: {kind} at {where}")
        path.write_bytes(good)
    return Damaged(done=done, same=same, files=len(set(files)), unnoticed=tuple(unnoticed))


def _forever(paths: Sequence[Path]) -> Iterator[Path]:
    while True:
        yield from paths


def _noticed(path: Path, check: Callable[[Path], object]) -> bool:
    try:
        check(path)
    except (EmbeddingsCorrupt, GenerationCorrupt):
        return True
    return False


def _damaged(good: bytes, chance: random.Random) -> tuple[str, bytes, int]:
    kind = chance.choice(KINDS)
    if kind == "flip":
        bit = chance.randrange(len(good) * 8)
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        return kind, bytes(bad), bit
    at = chance.randrange(len(good))
    if kind == "cut":
        return kind, good[:at], at
    start = at - at % PAGE
    gone = len(good[start : start + PAGE])
    return kind, good[:start] + bytes(gone) + good[start + PAGE :], start
