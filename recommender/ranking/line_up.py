"""Orders one line-up for many users, who share the work: what a seed says of the line-up is read once for all of them.

Each ranking is the one that :meth:`Recommender.rank_artists` gives the same query alone, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from recommender.explain.score_breakdown import break_down, with_itself
from recommender.fusion.profiles import WeightProfile
from recommender.fusion.seeds import mean_given, negative_share
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.signals.panel import SignalScores
from recommender.types import LayerMix, Rows, ScoredArtist, Scores
from recommender.vectors import top

BLOCK = 50_000
"""Pairs of a seed and an artist read at once, which bounds memory and the time until another request has its turn:
about 10 MB and 50 ms with the default profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What one user likes and dislikes: rows of the catalog, at least one seed."""

    seeds: tuple[int, ...]
    negative_seeds: tuple[int, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """Both."""
        return (*self.seeds, *self.negative_seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUpRanking:
    """A line-up in the order of one user."""

    rows: Rows
    """All artists that have a score, best first, ties by id."""
    scores: Scores
    """``[artist]`` of ``rows``, in [0, 1]."""
    first: list[ScoredArtist]
    """The first of them, with their breakdown."""


@dataclass(frozen=True, slots=True)
class _ScoredSeed:
    """What one seed says of the line-up, and the scores with it."""

    signals: SignalScores
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """The artists to order, and how."""

    recommender: Recommender
    rows: Rows
    """Of the artists, rising, each once."""
    mix: LayerMix
    weights: WeightProfile

    def rank(self, tastes: Sequence[Taste], *, n: int) -> Iterator[LineUpRanking]:
        """The ranking for each of ``tastes``, in order, its first ``n`` with a breakdown; made when it is asked for.

        Seeds that are in the line-up are ranked with it; negative seeds are left out.
        """
        panel = self.recommender.panel(self.mix)
        for block in _blocks(tastes, len(self.rows)):
            seeds = sorted({row for taste in block for row in taste.rows})
            found = panel.scores(seeds, self.rows, self.weights.scale)
            known = {
                seed: _ScoredSeed(signals, with_itself(self.weights.score(signals.read), signals.own))
                for seed, signals in zip(seeds, found, strict=True)
            }
            for taste in block:
                yield self._rank_one(taste, known, n=n)

    def _rank_one(self, taste: Taste, known: Mapping[int, _ScoredSeed], *, n: int) -> LineUpRanking:
        query = ArtistQuery(seeds=taste.seeds, negative_seeds=taste.negative_seeds, mix=self.mix, keep_seeds=True)
        scores = mean_given([known[seed].scores for seed in taste.seeds])
        if taste.negative_seeds:
            disliked = mean_given([known[seed].scores for seed in taste.negative_seeds])
            scores = scores * (1.0 - negative_share(disliked, self.weights.base))
        answerable = self.recommender.answerable(query, self.rows)
        order = top(np.where(answerable, scores, np.nan), len(self.rows))
        first = order[:n]
        return LineUpRanking(
            rows=self.rows[order],
            scores=scores[order],
            first=break_down(
                self.rows[first],
                self.weights,
                liked=[_at(known[seed].signals, first) for seed in taste.seeds],
                disliked=[_at(known[seed].signals, first) for seed in taste.negative_seeds],
            ),
        )


def _blocks(tastes: Sequence[Taste], artists: int) -> Iterator[list[Taste]]:
    """Tastes that follow one another, in blocks of at most :data:`BLOCK` pairs, or of one."""
    block: list[Taste] = []
    seeds: set[int] = set()
    for taste in tastes:
        if block and len(seeds.union(taste.rows)) * artists > BLOCK:
            yield block
            block, seeds = [], set()
        block.append(taste)
        seeds.update(taste.rows)
    if block:
        yield block


def _at(signals: SignalScores, places: Rows) -> SignalScores:
    """``signals`` of the artists at ``places`` of the line-up."""
    return SignalScores(**{field.name: getattr(signals, field.name)[..., places] for field in fields(signals)})
