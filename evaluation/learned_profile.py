"""Weights learned from the truth, and judged on artists that had no part in learning them: ``evaluate --fit``.

Folds are by artist, on both sides: who asks in a fold is neither asked nor answered in what the fold is judged by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from evaluation.fit_weights import FOLDS, fit
from evaluation.measures.rank_metrics import measure, measure_names
from evaluation.measures.statistics import SEED, Difference, Estimate, compare, estimate
from evaluation.systems import ranking
from evaluation.truth import Truth
from recommender.calibration.percentiles import Percentiles, percentile, percentiles_of
from recommender.errors import BadInput, InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, PerSignal
from recommender.fusion.profiles import WeightProfile
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.signals.base import Signal
from recommender.types import SIGNALS, LayerMix, Rows, Scale, SignalName, Similarities

UNLISTED = 200
"""Artists that the list of a query does not hold, drawn for each query and given the grade 0."""
REFERENCE_ARTISTS = 1000
"""Artists, of a seeded draw, whose pairs are the reference of percentiles."""

BySignal: TypeAlias = npt.NDArray[np.float64]
"""``[pair, signal]``, signals in the order of ``recommender.types.SIGNALS``; NaN is "no opinion"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Pairs of a query and an item, those of one query together."""

    queries: Rows
    """``[pair]`` artist that asks: the group that must not be split between learning and judging."""
    items: Rows
    """``[pair]``."""
    raw: BySignal
    """The signals' own measures."""
    percentiles: BySignal
    """How high each opinion stands among those of reference pairs, in [0, 1]: what ``evidence`` and ``fitted`` read."""
    grades: Similarities
    """``[pair]``: the truth's grade, 0 for what it does not list."""


def features(recommender: Recommender, truth: Truth, mix: LayerMix) -> Features:
    """Every listed pair in the generation, and as a contrast a seeded draw of pairs that are not listed."""
    signals = recommender.signals(mix)
    random = np.random.default_rng(SEED)
    blocks = [_block(recommender, truth, query, random) for query in truth.lists]
    queries = _joined([np.full(len(items), query) for query, (items, _) in zip(truth.lists, blocks, strict=True)])
    raw = [
        np.stack([signals[name].raw(query)[items] for name in SIGNALS], axis=1)
        for query, (items, _) in zip(truth.lists, blocks, strict=True)
    ]
    stacked = np.concatenate(raw) if raw else np.empty((0, len(SIGNALS)))
    return Features(
        queries=queries,
        items=_joined([items for items, _ in blocks]),
        raw=stacked,
        percentiles=_standings(recommender, mix, dict(zip(truth.lists, blocks, strict=True)), stacked),
        grades=np.concatenate([grades for _, grades in blocks]) if blocks else np.empty(0),
    )


def _standings(
    recommender: Recommender, mix: LayerMix, asked: Mapping[int, tuple[Rows, Similarities]], raw: BySignal
) -> BySignal:
    """What the profiles of the generation read; where it holds no percentiles, those over a draw of its artists."""
    if not recommender.generation.calibration.comparable:
        reference = references(recommender, recommender.signals(mix))
        return np.stack([percentile(reference[name], raw[:, place]) for place, name in enumerate(SIGNALS)], axis=1)
    panel = recommender.panel(mix)
    found = [panel.read(query, Scale.PERCENTILES, items).T for query, (items, _) in asked.items()]
    return np.concatenate(found) if found else raw


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def _block(
    recommender: Recommender, truth: Truth, query: int, random: np.random.Generator
) -> tuple[Rows, Similarities]:
    """Items of one query and their grades: listed ones first, in row order, then those drawn."""
    grades = truth.grades(query)
    listed = np.array(sorted(grades), dtype=np.int64)
    artists = np.arange(len(recommender.generation.contents.artists.ids))
    others = np.setdiff1d(artists, [*grades, query])
    drawn = np.sort(random.permutation(others)[:UNLISTED])
    given = [grades[int(row)] for row in listed] + [0.0] * len(drawn)
    return np.concatenate([listed, drawn]), np.array(given, dtype=np.float64)


def references(recommender: Recommender, signals: dict[SignalName, Signal]) -> dict[SignalName, Percentiles]:
    """Distribution of each signal's opinions over the pairs of a seeded draw of artists."""
    count = len(recommender.generation.contents.artists.ids)
    drawn = np.sort(np.random.default_rng(SEED).permutation(count)[:REFERENCE_ARTISTS])
    return {name: percentiles_of(_opinions(signal, drawn)) for name, signal in signals.items()}


def _opinions(signal: Signal, drawn: Rows) -> Similarities:
    """Each pair of ``drawn`` once."""
    rows = [signal.raw(int(row))[drawn[place + 1 :]] for place, row in enumerate(drawn)]
    return np.concatenate(rows) if rows else np.empty(0)


MIN_QUERIES = 20
"""Artists asked about that have kin in the generation: four in each of five folds."""
MIN_LISTED = 80
"""Listed pairs: ten for each of the eight coefficients (Peduzzi et al., J. Clin. Epidemiol. 49, 1996)."""
RIVAL = "evidence"
"""What learned weights have to beat: it needs no labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedProfile:
    """What the labels taught, and what it is worth for artists that were not among them."""

    intercept: float
    slopes: dict[str, float]
    """Signal -> slope on the log-odds of its percentile."""
    missing: dict[str, float]
    """Signal -> what its silence is worth."""
    refused: tuple[str, ...]
    """Signals that spoke against the labels."""
    queries: int
    pairs: int
    listed: int
    """Of the pairs, those that the truth lists."""
    measure: str
    """By which both are judged."""
    held_out: Estimate
    """Mean over the artists that asked, each ranked with weights learned without it."""
    rival: Estimate
    """The same of ``evidence``, on the same artists."""
    difference: Difference
    """Learned less ``evidence``, artist by artist."""

    @property
    def standing(self) -> str:
        """``better``, ``worse`` or ``not to be told apart``, by whether the interval holds 0."""
        found = self.difference.difference
        if found.low > 0:
            return "better"
        return "worse" if found.high < 0 else "not to be told apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The weights and what is to be said of them."""

    weights: FittedWeights
    learned: LearnedProfile


def learn(recommender: Recommender, truth: Truth, mix: LayerMix, *, k: int) -> TrainingData:
    """Learn weights from ``truth`` and judge them by the ranking measure at ``k``, fold by fold.

    Raises:
        BadInput: there are too few labels (``too_few_labels``), they teach nothing (``labels_teach_nothing``), or the
            generation holds no percentiles for weights to be learned on (``not_calibrated``).
    """
    if not recommender.generation.calibration.comparable:
        detail = "the generation holds no percentiles, which learned weights read; build with 50 artists or more"
        raise BadInput("not_calibrated", detail)
    answerable = _answerable(truth)
    _require_enough(answerable)
    found = features(recommender, answerable, mix)
    try:
        return _learn(recommender, found, answerable, ArtistQuery(seeds=(), mix=mix), k=k)
    except InvalidArgument as error:
        raise BadInput("labels_teach_nothing", str(error)) from error


def _answerable(truth: Truth) -> Truth:
    """The queries that have somebody to find."""
    lists = {query: items for query, items in truth.lists.items() if any(truth.grades(query).values())}
    return replace(truth, lists=lists)


def _require_enough(truth: Truth) -> None:
    listed = sum(grade > 0 for query in truth.lists for grade in truth.grades(query).values())
    if len(truth.lists) < MIN_QUERIES or listed < MIN_LISTED:
        detail = (
            f"{len(truth.lists)} artists with {listed} kin in the generation; weights are learned from "
            f"{MIN_QUERIES} artists and {MIN_LISTED} listed pairs or more. Ask for the profile {RIVAL}, "
            "which needs none"
        )
        raise BadInput("too_few_labels", detail)


def _learn(recommender: Recommender, found: Features, truth: Truth, asked: ArtistQuery, *, k: int) -> TrainingData:
    weights = fit(found.percentiles, found.grades, found.queries)
    primary = measure_names(k)[0]
    rival = recommender.generation.calibration.choices.named[RIVAL]
    ours, theirs = (
        np.concatenate([_judge(recommender, truth, replace(asked, weights=profile), held, k=k) for profile, held in by])
        for by in _by_fold(found, rival)
    )
    learned = LearnedProfile(
        intercept=weights.intercept,
        slopes=_named(weights.slopes),
        missing=_named(weights.missing),
        refused=tuple(signal.value for signal in weights.refused),
        queries=weights.queries,
        pairs=weights.pairs,
        listed=int((found.grades > 0).sum()),
        measure=primary,
        held_out=estimate(ours),
        rival=estimate(theirs),
        difference=compare(ours, theirs),
    )
    return TrainingData(weights=weights, learned=learned)


_Judged = list[tuple[WeightProfile, tuple[int, ...]]]
"""A profile and the artists it is judged by, of each fold."""


def _by_fold(found: Features, rival: WeightProfile) -> tuple[_Judged, _Judged]:
    """Each fold's own weights, and the rival, with the artists of the fold."""
    own: _Judged = []
    for rows, held in _folds(found):
        weights = fit(found.percentiles[rows], found.grades[rows], found.queries[rows])
        own.append((weights.profile, held))
    return own, [(rival, held) for _, held in own]


def _folds(found: Features) -> Iterator[tuple[npt.NDArray[np.bool_], tuple[int, ...]]]:
    """``[pair]`` what is learned from, and the artists that are judged by: in none of those pairs, on either side."""
    for _, judged in GroupKFold(n_splits=FOLDS).split(found.grades, groups=found.queries):
        held = np.unique(found.queries[judged])
        yield ~(np.isin(found.queries, held) | np.isin(found.items, held)), tuple(held.tolist())


def _judge(
    recommender: Recommender, truth: Truth, asked: ArtistQuery, held: tuple[int, ...], *, k: int
) -> Similarities:
    """Primary measure of ``held`` among all artists, ``[query]``."""
    ranked = {query: ranking(recommender, asked, query, depth=k) for query in held}
    return measure({query: truth.grades(query) for query in held}, ranked, k=k)[measure_names(k)[0]]


def _named(numbers: PerSignal) -> dict[str, float]:
    return {signal.value: number for signal, number in zip(SIGNALS, numbers, strict=True)}
