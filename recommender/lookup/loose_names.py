"""Finds names that differ only in "The", in the word for "and", or in punctuation and spaces.

Such names are often two artists ("Wings", "The Wings"), so they are never equal: they are only suggested.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

THE, AND, PUNCTUATION = "the", "and", "punctuation"
"""What two names differ in, from the smallest difference to the largest."""

SCORES = {THE: 0.99, AND: 0.98, PUNCTUATION: 0.97}
"""Difference -> score of the suggestion: above nearly all typing errors, below 1, which is an equal name."""

_AND_WORDS = frozenset(("&", "+", "and", "y", "e", "et", "und", "n", "'n'", "n'", "'n"))
"""Words that stand for "and" between two others: English, Spanish, Italian, Portuguese, French, German."""
_MAX_MATCHES = 50
"""Names of one loose form that are given; more are as good as none."""


class LooseNames:
    """Names by their loosest form. ``names`` are folded. It is immutable, so threads may share it; 16 bytes a name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        hashes = np.fromiter((hash(_loosest(name)) for name in names), dtype=np.int64, count=len(names))
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def matches(self, name: str) -> Iterator[tuple[int, str]]:
        """Position in the list of each name with the loosest form of ``name``, and what the two differ in."""
        form = _loosest(name)
        start = int(np.searchsorted(self._hashes, hash(form)))
        for place in self._order[start : start + _MAX_MATCHES].tolist():
            if _loosest(self._names[place]) != form:
                return
            yield place, difference(name, self._names[place])


def difference(name: str, other: str) -> str:
    """The largest difference of two names that have the same loosest form.

    >>> difference("beatles", "the beatles"), difference("beatles, the", "the beatles")
    ('the', 'the')
    >>> difference("iron and wine", "iron & wine"), difference("mgmt", "m.g.m.t."), difference("ac dc", "ac/dc")
    ('and', 'punctuation', 'punctuation')
    """
    if _without_article(name) == _without_article(other):
        return THE
    if _with_one_and(_without_article(name)) == _with_one_and(_without_article(other)):
        return AND
    return PUNCTUATION


def _loosest(folded: str) -> str:
    """``folded`` without the article, words for "and", punctuation and spaces; unchanged when nothing would be left."""
    form = _with_one_and(_without_article(folded))
    letters = "".join(char for char in form if char.isalnum() or unicodedata.category(char)[0] == "M")
    return letters or folded


def _without_article(folded: str) -> str:
    """
    >>> [_without_article(name) for name in ("the wings", "wings, the", "the the", "the")]
    ['wings', 'wings', 'the', 'the']
    """
    return folded.removesuffix(", the").removeprefix("the ") or folded


def _with_one_and(folded: str) -> str:
    """
    >>> _with_one_and("guns 'n' roses"), _with_one_and("hall + oates"), _with_one_and("y la bamba")
    ('guns & roses', 'hall & oates', 'y la bamba')
    """
    first, *rest = folded.split(" ")
    if len(rest) < 2:
        return folded
    return " ".join([first, *("&" if word in _AND_WORDS else word for word in rest[:-1]), rest[-1]])
