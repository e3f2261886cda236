"""Measures how much of full scans' results candidates find, for each kind of question (docs/methods.md)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.fusion.profiles import WeightProfile, custom_weights
from recommender.fusion.seeds import mean_given, negative_share
from recommender.ranking.popularity import NEUTRAL, order_keys
from recommender.retrieval.candidates import CandidateRetriever
from recommender.retrieval.question_kinds import QuestionKind
from recommender.signals.panel import SignalPanel
from recommender.types import SIGNALS, Opinions, Rows, Scale, Scores, Similarities
from recommender.vectors import top

TOP = 20
"""Results compared per ranking."""
GROUPS = 20
"""Questions with several seeds."""
LIKED, DISLIKED = 5, 2
"""Seeds and negative seeds of each; every one is a question with one seed too: 140 of them, 2,800 results, so that a
share of 0.99 is known to about 0.002."""
DEPTHS = (0.0, 1.0)
"""Both ends of the dial."""
SEED = 20

Reader = Callable[[int], Opinions]
"""Seed -> strengths ``[signal, artist]`` of the artists that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One ranking that is measured."""

    kind: QuestionKind
    setting: str = ""
    """Which of several settings of the kind, such as an end of the dial."""
    liked: tuple[int, ...]
    disliked: tuple[int, ...] = ()
    profile: WeightProfile
    depth: float = NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScan:
    """The first results of one question when all artists are compared."""

    question: Question
    rows: Rows
    last: float
    """Key of the last of ``rows``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaps:
    """Shares of the results of full scans that candidates find."""

    by_kind: Mapping[QuestionKind, float]
    """Of the kinds that were asked. An artist with as high a key as the last result counts: among equal scores, which
    are common with sparse signals, any choice is right. Of several settings of a kind the lowest share."""
    same: float
    """The same artists, for one seed; 0 where that was not asked."""
    seeds: int
    """Questions with one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapMeasurement:
    """The signals of a generation that has no candidates yet, and its default profile."""

    panel: SignalPanel
    profile: WeightProfile
    popularity: Similarities
    """``[artist]``."""

    def full_scans(self) -> list[FullScan]:
        """Full scans of drawn seeds, alone and in groups; those without any result are left out."""
        drawn = np.random.default_rng(SEED).permutation(len(self.popularity))[: GROUPS * (LIKED + DISLIKED)]
        scans: list[FullScan] = []
        for group in np.array_split(drawn, GROUPS):
            # Every question of a group reads the same arrays, which are in memory for one group at a time.
            opinions = {seed: self.panel.read(seed, Scale.STRENGTHS) for seed in group.tolist()}
            scans += [self._full_scan(question, opinions) for question in self._questions(tuple(opinions))]
        return [scan for scan in scans if scan.rows.size]

    def overlaps(self, retriever: CandidateRetriever, scans: Sequence[FullScan]) -> Overlaps:
        """How much of ``scans`` the candidates of ``retriever`` hold."""
        as_good: dict[tuple[QuestionKind, str], list[int]] = {}
        same = results = 0
        for scan in scans:
            asked = scan.question
            rows = retriever.of(asked.liked, asked.profile, frozenset({QuestionKind.ONE_SEED, asked.kind}))
            keys = self._keys(scan.question, functools.partial(self._read, rows=rows), rows)
            best = top(keys, TOP)
            counts = as_good.setdefault((scan.question.kind, scan.question.setting), [0, 0])
            counts[0] += int(np.count_nonzero(keys[best] >= scan.last))
            counts[1] += len(scan.rows)
            if scan.question.kind is QuestionKind.ONE_SEED:
                same += len(np.intersect1d(rows[best], scan.rows))
                results += len(scan.rows)
        shares: dict[QuestionKind, float] = {}
        for (kind, _), (found, total) in as_good.items():
            shares[kind] = min(shares.get(kind, 1.0), found / total)
        seeds = sum(scan.question.kind is QuestionKind.ONE_SEED for scan in scans)
        return Overlaps(by_kind=shares, same=same / max(results, 1), seeds=seeds)

    def _questions(self, group: tuple[int, ...]) -> list[Question]:
        """The questions with the seeds of ``group``: each alone, and the first ones together."""
        made: list[Question] = []
        for seed in group:
            alone = Question(kind=QuestionKind.ONE_SEED, liked=(seed,), profile=self.profile)
            made += [alone, *_with_own_weights(seed), *self._with_the_dial(seed)]
        liked, disliked = group[:LIKED], group[LIKED:]
        if len(liked) > 1:
            made.append(Question(kind=QuestionKind.SEVERAL_SEEDS, liked=liked, profile=self.profile))
        if disliked:
            kind = QuestionKind.NEGATIVE_SEEDS
            made.append(Question(kind=kind, liked=liked, disliked=disliked, profile=self.profile))
        return made

    def _with_the_dial(self, seed: int) -> list[Question]:
        return [
            Question(kind=QuestionKind.DIAL, setting=f"{depth:g}", liked=(seed,), profile=self.profile, depth=depth)
            for depth in DEPTHS
        ]

    def _full_scan(self, question: Question, opinions: Mapping[int, Opinions]) -> FullScan:
        keys = self._keys(question, opinions.__getitem__, np.arange(len(self.popularity)))
        rows = top(keys, TOP)
        return FullScan(question=question, rows=rows, last=float(keys[rows[-1]]) if rows.size else 0.0)

    def _read(self, seed: int, rows: Rows) -> Opinions:
        return self.panel.read(seed, Scale.STRENGTHS, rows)

    def _keys(self, question: Question, read: Reader, rows: Rows) -> Scores:
        """What the artists at ``rows``, which ``read`` reads, are ordered by; NaN for the seeds."""
        profile = question.profile
        scores = mean_given(profile.score(read(seed)) for seed in question.liked)
        if question.disliked:
            disliked = mean_given(profile.score(read(seed)) for seed in question.disliked)
            scores = scores * (1.0 - negative_share(disliked, profile.base))
        scores = np.where(np.isin(rows, (*question.liked, *question.disliked)), np.nan, scores)
        return order_keys(scores, self.popularity[rows], question.depth)


def _with_own_weights(seed: int) -> list[Question]:
    """One question for each signal alone, and one for all alike."""
    settings = {signal.value: {signal: 1.0} for signal in SIGNALS} | {"all alike": dict.fromkeys(SIGNALS, 1.0)}
    return [
        Question(kind=QuestionKind.OWN_WEIGHTS, setting=name, liked=(seed,), profile=custom_weights(weights))
        for name, weights in settings.items()
    ]
