"""Finds the names that may be meant by one that nobody has: by loose form, line-up wording and likeness of spelling."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from recommender.lookup.line_up_notes import strip_wording
from recommender.lookup.loose_names import SCORES, LooseNames
from recommender.lookup.similar_names import MAX_QUERY, SimilarNames
from recommender.names import fold

WORDING, SPELLING = "wording", "spelling"
"""Why a name is likely, beside the differences of :mod:`recommender.lookup.loose_names`."""

_WORDING_SCORE = 0.995
"""Score of a name that is equal once the wording of a line-up is taken off."""
_SIMILAR = 5
"""Similar spellings that are looked for; more than are shown, because two may be of one artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """A folded name of the list, with its score in [0, 1] and what it differs in."""

    name: str
    score: float
    why: str


class LikelyNames:
    """Finds likely names in ``names``, which are folded. Threads may share it.

    The indexes are made once: by :meth:`prepare`, or by the first question, while others wait for them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._source = names
        self._lock = threading.Lock()
        self._indexes: tuple[list[str], LooseNames, SimilarNames] | None = None

    def find(self, name: str) -> list[Likely]:
        """Those that may be meant by ``name``, best first, each once. None for a name longer than MAX_QUERY."""
        if len(name) > MAX_QUERY:
            return []
        best: dict[str, Likely] = {}
        for likely in self._all(name):
            if likely.name not in best or likely.score > best[likely.name].score:
                best[likely.name] = likely
        return sorted(best.values(), key=lambda likely: (-likely.score, likely.name))

    def prepare(self) -> None:
        """Make the indexes now."""
        self._made()

    def _all(self, name: str) -> Iterator[Likely]:
        folded, stripped = fold(name), fold(strip_wording(name)[0])
        names, loose, similar = self._made()
        for form in dict.fromkeys((folded, stripped)):
            for place, why in loose.matches(form):
                equal = names[place] == form
                yield Likely(
                    name=names[place], score=_WORDING_SCORE if equal else SCORES[why], why=WORDING if equal else why
                )
            for place, score in similar.most_similar(form, _SIMILAR):
                # Only an equal name has 1, and such a name was found before anything is suggested.
                yield Likely(name=names[place], score=min(score, _WORDING_SCORE), why=SPELLING)

    def _made(self) -> tuple[list[str], LooseNames, SimilarNames]:
        with self._lock:
            if self._indexes is None:
                names = list(self._source)
                self._indexes = names, LooseNames(names), SimilarNames(names)
            return self._indexes
