"""Bounds on what one artist may take of a list: pure, greedy, best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def limit_per_artist(items: Iterable[Item], artist_of: Callable[[Item], int], most: int) -> Iterator[Item]:
    """Keep at most ``most`` items of one artist, the first ones; 0 keeps all. Order is unchanged.

    >>> list(limit_per_artist(["a1", "a2", "b1", "a3"], lambda item: ord(item[0]), 1))
    ['a1', 'b1']
    """
    taken: Counter[int] = Counter()
    for item in items:
        artist = artist_of(item)
        if most and taken[artist] >= most:
            continue
        taken[artist] += 1
        yield item
