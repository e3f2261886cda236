"""Retrieves candidate artists: the union of what each signal finds; only these are scored, exactly.

::

    candidates.mix.faiss      codes of the calibrated artist vectors of all layers of the default mix
    candidates.genre.*.npy    artists of each genre, those with similar genres side by side

Scene and collaborations need no files: the rows of their matrices are lists of neighbours. Candidates are made and
measured when a generation is built (indexer/build/candidates.py), for its default mix and each kind of question; a
kind for which they do not find what a full scan finds is answered by full scans. See docs/decisions/0009-candidates.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.calibration.mix_scale import MeasuredLayer, MixQuery, MixScale
from recommender.fusion.profiles import WeightProfile
from recommender.generation.candidate_files import Candidates
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import sorted_unique
from recommender.generation.manifest import CandidatesEntry
from recommender.retrieval.question_kinds import QuestionKind
from recommender.signals.panel import RelationSignals
from recommender.types import SIGNALS, Rows, Scores, Similarities
from recommender.vectors import top

KEPT = 300
"""Candidates of one seed that are scored exactly."""
KEPT_OF_SEVERAL = 700
"""The same for several seeds, whose best are spread wider: in 100,000 made artists 300 hold .978 of a full scan's first
20, 500 .990, 800 .993."""
EXTREMES = 200
"""Artists added from each end of popularity."""
FIRST_OF_SEVERAL = 100
"""So many first ranks of a question with several seeds come from candidates."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Width:
    """How much the signals are asked for: more finds more, and takes longer."""

    times: int
    """So many times the candidates of the entry; half as many for each of several seeds."""
    lists: int
    """Lists of the code index that are read."""


class CandidateRetriever:
    """Finds the candidates of a seed. It has no state but what it reads; safe to share between threads."""

    def __init__(
        self,
        candidates: Candidates,
        *,
        relations: RelationSignals,
        layers: Sequence[MeasuredLayer],
        contents: Contents,
        popularity: Similarities,
    ) -> None:
        """
        Args:
            candidates: files of the generation.
            relations: the signals over its matrices.
            layers: the calibrated layers of its default mix.
            contents: its artists.
            popularity: ``[artist]`` percentiles in [0, 1]; NaN where it is not known.
        """
        entry = candidates.entry
        self._candidates = candidates
        self._widths = {
            QuestionKind(one.kind): Width(times=one.times, lists=one.lists or entry.lists) for one in entry.kinds
        }
        self._usual = Width(times=1, lists=entry.lists)
        self._scale = MixScale.of(layers) if layers else None
        self._relations = relations
        self._layers = layers
        self._vector_row = vector_row = contents.artists.vector_row
        self._extremes = _most_and_least(popularity, EXTREMES)
        self._fillers = _first_of_each(_coverage(contents, relations), candidates.entry.first)
        embedded = np.flatnonzero(vector_row >= 0)
        self._artist_of = embedded[np.argsort(vector_row[embedded], kind="stable")]

    @property
    def entry(self) -> CandidatesEntry:
        """What was measured when the generation was built."""
        return self._candidates.entry

    def promises(self, kinds: frozenset[QuestionKind]) -> bool:
        """Whether candidates find enough for a question of all these kinds, as measured at build."""
        return kinds <= self._widths.keys()

    def first(self, seeds: Sequence[int]) -> int:
        """How many of the first ranks of a question with ``seeds`` come from candidates."""
        return self.entry.first if len(seeds) == 1 else min(self.entry.first, FIRST_OF_SEVERAL)

    def of(self, seeds: Sequence[int], profile: WeightProfile, kinds: frozenset[QuestionKind] = frozenset()) -> Rows:
        """Rows of the candidates of ``seeds``, rising.

        They are the :data:`KEPT`, of several seeds :data:`KEPT_OF_SEVERAL`, of all that the signals find with the
        highest mean score, as far as the lists of the signals tell: an artist that a signal did not find counts as
        unrelated by it. The scene and collaborations list everybody that they relate, so only audio and genres are
        estimated.

        Where the signals find fewer than the first ranks, the others all have the score of an unrelated artist, or
        none. So the first artists by id of each set of signals that may know them are added, and ties have the same
        order as among all artists.

        Args:
            seeds: rows of the catalog, at least one.
            profile: adds up strengths.
            kinds: of the question. The more its kinds need, the more the signals are asked for. Where its order
                depends on popularity, the most and the least popular artists are added.
        """
        found = self._found(seeds, max((self._widths.get(kind, self._usual) for kind in kinds), default=self._usual))
        union = sorted_unique(found.rows)
        added = [self._extremes] if QuestionKind.DIAL in kinds else []
        if len(union) <= self.first(seeds):
            return sorted_unique(np.concatenate([union, self._fillers, *added]))
        kept = KEPT if len(seeds) == 1 else KEPT_OF_SEVERAL
        if len(union) > kept:
            union = np.sort(union[top(found.gains(union, profile), kept)])
        return sorted_unique(np.concatenate([union, *added])) if added else union

    def _found(self, seeds: Sequence[int], width: Width) -> _Found:
        """What the signals find for each of ``seeds``; for several seeds, less for each."""
        entry, share = self._candidates.entry, 2 if len(seeds) > 1 else 1
        lists: list[tuple[Rows, Similarities]] = []
        audio = self._by_audio(seeds, entry.nearest * width.times // share, lists=width.lists)
        genres = self._by_genre(seeds, entry.around * width.times // share, most=entry.alike * width.times)
        for seed, near, alike in zip(seeds, audio, genres, strict=True):
            reached, walked = _strongest(*self._relations.scene.reached(seed), entry.listed)
            linked, similarities = _strongest(*self._relations.collaboration.neighbours(seed), entry.listed)
            # In the order of the signals.
            lists += [
                near,
                (reached, self._relations.scene.strength(walked)),
                alike,
                (linked, self._relations.collaboration.strength(similarities)),
            ]
        sizes = [len(rows) for rows, _ in lists]
        return _Found(
            seeds=len(seeds),
            rows=np.concatenate([rows for rows, _ in lists]),
            strengths=np.concatenate([strengths for _, strengths in lists]),
            lists=np.repeat(np.arange(len(lists)), sizes),
        )

    def _by_audio(self, seeds: Sequence[int], nearest: int, *, lists: int) -> list[tuple[Rows, Similarities]]:
        """For each of ``seeds`` the nearest by the calibrated score of the default mix, and their estimated strengths;
        nobody where there is no measured sound of it.
        """
        codes, scale = self._candidates.codes, self._scale
        found = [(np.empty(0, np.int64), np.empty(0)) for _ in seeds]
        if codes is None or scale is None:
            return found
        own = {place: int(self._vector_row[seed]) for place, seed in enumerate(seeds)}
        queries = {place: MixQuery.of(self._layers, row) for place, row in own.items() if row >= 0}
        heard = {place: query for place, query in queries.items() if np.isfinite(query.vector).all()}
        if not heard:
            return found
        nearby = codes.search(np.stack([query.vector for query in heard.values()]), nearest, lists=lists)
        for (place, query), (rows, products) in zip(heard.items(), nearby, strict=True):
            found[place] = self._artist_of[rows], scale.strength(query.z(products))
        return found

    def _by_genre(self, seeds: Sequence[int], width: int, *, most: int) -> list[tuple[Rows, Similarities]]:
        """For each of ``seeds`` the ``most`` nearest by genre among the artists within ``width`` places of it in the
        orders of its genres, and their strengths.
        """
        genre, orders = self._relations.genre, self._candidates.genres
        near = [orders.around(*genre.entries(seed), width=width) for seed in seeds]
        ends = np.cumsum([len(rows) for rows in near])
        alike = np.split(genre.raw_of_pairs(seeds, near), ends[:-1])
        chosen = (top(similarities, most) for similarities in alike)
        return [(rows[best], values[best]) for rows, values, best in zip(near, alike, chosen, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the signals find for some seeds, in lists: those of the first seed by signal, and so on."""

    seeds: int
    rows: Rows
    """``[entry]`` artists; one may be in several lists."""
    strengths: Similarities
    """``[entry]``."""
    lists: Rows
    """``[entry]`` number of its list."""

    def gains(self, union: Rows, profile: WeightProfile) -> Scores:
        """``[artist]`` of ``union``: sum over the seeds of its score above one of which nothing is known; an artist
        that a signal did not find counts as unrelated by it.
        """
        seed, signal = np.divmod(self.lists, len(SIGNALS))
        strengths = np.zeros((len(SIGNALS), self.seeds * len(union)))
        strengths[signal, seed * len(union) + np.searchsorted(union, self.rows)] = self.strengths
        gains = profile.score(strengths) - profile.base
        return np.asarray(gains.reshape(self.seeds, len(union)).sum(axis=0), dtype=np.float64)


def _strongest(rows: Rows, values: Similarities, count: int) -> tuple[Rows, Similarities]:
    if len(rows) <= count:
        return rows, values
    best = top(values, count)
    return rows[best], values[best]


def _coverage(contents: Contents, relations: RelationSignals) -> npt.NDArray[np.int64]:
    """``[artist]``: a number for which signals have data on it, equal for artists with the same signals."""
    flags = (
        contents.artists.vector_row >= 0,
        contents.relations.scene_listed,
        *(signal.known for signal in relations.all()),
    )
    kinds: npt.NDArray[np.int64] = np.sum([flag.astype(np.int64) << bit for bit, flag in enumerate(flags)], axis=0)
    return kinds


def _first_of_each(kinds: npt.NDArray[np.int64], count: int) -> Rows:
    """The first ``count`` rows of each kind, rising.

    >>> _first_of_each(np.array([1, 0, 1, 1, 0]), 2).tolist()
    [0, 1, 2, 4]
    """
    ordered = np.argsort(kinds, kind="stable")
    starts = np.searchsorted(kinds[ordered], kinds[ordered])
    chosen: Rows = np.sort(ordered[np.arange(len(kinds)) - starts < count]).astype(np.int64)
    return chosen


def _most_and_least(popularity: Similarities, count: int) -> Rows:
    """The ``count`` most and the ``count`` least popular rows, rising; ties by row, unknown popularity left out.

    >>> _most_and_least(np.array([0.5, np.nan, 0.9, 0.1]), 1).tolist()
    [2, 3]
    """
    return sorted_unique(np.concatenate([top(popularity, count), top(-popularity, count)]))
