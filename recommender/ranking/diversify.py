"""Limits how many items of a ranking are of one artist or one recording: greedy, best first. No I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
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


def each_once(
    items: Iterable[Item],
    artist_of: Callable[[Item], int],
    same: Callable[[Item, Sequence[Item]], bool],
    *,
    taken: Iterable[Item] = (),
) -> Iterator[Item]:
    """Leave out what is the same as something of its artist before it that was kept. Order is unchanged.

    Of several that are the same the first is kept, however many are taken: a shorter list is the beginning of a longer
    one.

    Args:
        items: best first.
        artist_of: only items of one artist are compared.
        same: whether an item is the same as one of some others.
        taken: counts as kept already, and is not yielded.

    >>> list(each_once(["a1", "a1b", "b1", "a2"], lambda item: ord(item[0]), lambda a, kept: a[:2] in kept))
    ['a1', 'b1', 'a2']
    """
    kept: defaultdict[int, list[Item]] = defaultdict(list)
    for item in taken:
        kept[artist_of(item)].append(item)
    for item in items:
        before = kept[artist_of(item)]
        if before and same(item, before):
            continue
        before.append(item)
        yield item
