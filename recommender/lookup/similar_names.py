"""Finds the names of a long list that are spelled most like a given one: typing errors, swapped words, lost spaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from recommender.types import Rows

MIN_SCORE = 0.80
"""Names below it are not suggested. Of real names it keeps 94 % of the right ones, and 15 % of the names that are not
in the list get a suggestion; at 0.75 it is 98 % and 27 % (docs/methods.md)."""
MAX_QUERY = 200
"""Characters of a name that is looked for; a longer one has no similar names."""

_CANDIDATES = 200
"""Names with the most trigrams in common, which are then compared exactly."""
_MAX_POSTINGS = 4_000_000
"""Entries read for one query, rarest trigrams first: the bound of its time where all names are alike."""
_BUCKETS = 1 << 16
"""Hash values of trigrams: 16 bits, for which numpy sorts by radix."""
_CHUNK = 50_000
"""Names whose trigrams are made at once: bounds the memory of the build."""
_SORTED_SHARE, _JOINED_SHARE = 0.98, 0.99
"""What likeness is worth when it is seen only after the words are sorted, or after the spaces are removed."""


class SimilarNames:
    """An index of trigrams over ``names``, which are folded. It is immutable, so threads may share it.

    It takes about 70 bytes a name beside the names. Making it takes seconds for 300,000 names.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        parts = [_trigrams(names[start : start + _CHUNK], start) for start in range(0, len(names), _CHUNK)]
        buckets = np.concatenate([part for part, _ in parts]) if parts else np.empty(0, np.uint16)
        owners = np.concatenate([part for _, part in parts]) if parts else np.empty(0, np.int32)
        del parts
        order = np.argsort(buckets, kind="stable")
        buckets, owners = buckets[order], owners[order]
        # A name counts once in a bucket. Its entries are neighbours, because the sort keeps the order of the names.
        first = np.ones(len(owners), dtype=bool)
        first[1:] = (buckets[1:] != buckets[:-1]) | (owners[1:] != owners[:-1])
        self._owners = owners[first]
        self._ends = np.cumsum(np.bincount(buckets[first], minlength=_BUCKETS))
        self._sizes = np.bincount(self._owners, minlength=len(names)).astype(np.float32)

    def most_similar(self, name: str, n: int) -> list[tuple[int, float]]:
        """Position in the list and score, in [MIN_SCORE, 1], of the ``n`` names most like ``name``, best first."""
        if not 0 < len(name) <= MAX_QUERY or not self._names:
            return []
        query = _Query(name)
        scored = [(place, query.likeness(self._names[place])) for place in self._candidates(name)]
        near = [(place, score) for place, score in scored if score >= MIN_SCORE]
        return sorted(near, key=lambda pair: (-pair[1], self._names[pair[0]]))[:n]

    def _candidates(self, name: str) -> list[int]:
        """The names with the highest share of trigrams in common (Dice's coefficient)."""
        buckets = np.unique(_trigrams([name], 0)[0])
        shared = np.zeros(len(self._names), dtype=np.uint16)
        left = _MAX_POSTINGS
        for postings in sorted(self._postings(buckets), key=lambda one: one.size):
            left -= len(postings)
            if left < 0:
                break
            shared[postings] += 1
        share = shared / (self._sizes + len(buckets))
        count = min(_CANDIDATES, int(np.count_nonzero(shared)))
        best: list[int] = np.argpartition(-share, count - 1)[:count].tolist() if count else []
        return best

    def _postings(self, buckets: npt.NDArray[np.uint16]) -> Iterator[npt.NDArray[np.int32]]:
        for bucket in buckets.tolist():
            yield self._owners[self._ends[bucket - 1] if bucket else 0 : self._ends[bucket]]


class _Query:
    """A name in the three forms that are compared."""

    def __init__(self, name: str) -> None:
        self._name, self._sorted, self._joined = name, _sort_words(name), name.replace(" ", "")

    def likeness(self, other: str) -> float:
        """In [0, 1]: 1 for equal names. Twice the common characters, in order, over all characters; the best form."""
        best = max(
            fuzz.ratio(self._name, other),
            _SORTED_SHARE * fuzz.ratio(self._sorted, _sort_words(other)),
            _JOINED_SHARE * fuzz.ratio(self._joined, other.replace(" ", "")),
        )
        return best / 100


def likeness(name: str, other: str) -> float:
    """How alike two folded names are spelled, in [0, 1].

    >>> round(likeness("radiohed", "radiohead"), 2), likeness("massive attack", "attack massive")
    (0.94, 0.98)
    """
    return _Query(name).likeness(other)


def _sort_words(name: str) -> str:
    return " ".join(sorted(name.split()))


def _trigrams(names: Sequence[str], first: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    """Hash of each trigram of ``names`` and the place of its name, counted from ``first``.

    Each word is padded, two spaces in front and one behind, so that its trigrams do not depend on its neighbours.
    """
    padded = [f"  {name.replace(' ', '  ')} " for name in names]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths: Rows = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    owners = np.repeat(np.arange(first, first + len(names), dtype=np.int32), lengths)
    hashed = (codes[:-2] * np.uint32(0x9E3779B1) ^ codes[1:-1] * np.uint32(0x85EBCA6B)) + codes[2:] * np.uint32(
        0xC2B2AE35
    )
    within = owners[:-2] == owners[2:]
    return (hashed[within] >> np.uint32(16)).astype(np.uint16), owners[:-2][within]
