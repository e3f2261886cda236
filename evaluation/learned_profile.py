"""Learns signal weights from a truth file and measures them on held-out artists (``soundkin evaluate --fit``).

Folds are by artist on both sides: the query artists of a fold are in no pair, as query or as item, that the weights of
the fold are learned from. See docs/methods.md, "Learned weights".
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

MIN_QUERIES = 20
"""Least number of queries with a relevant artist in the generation: four in each of five folds."""
MIN_LISTED = 80
"""Least number of listed pairs: ten for each of the 8 coefficients (Peduzzi et al., J. Clin. Epidemiol. 49, 1996)."""
NO_DIFFERENCE = "no clear difference"
"""Outcome when the interval of the difference contains 0."""
RIVAL = "evidence"
"""The profile that learned weights are compared with: it needs no labels."""
UNLISTED = 200
"""Artists drawn for each query that its list does not name; they get the grade 0."""
REFERENCE_ARTISTS = 1000
"""Artists of a seeded draw whose pairs are the reference of percentiles where the generation has none."""

BySignal: TypeAlias = npt.NDArray[np.float64]
"""``[pair, signal]``, signals in the order of ``recommender.types.SIGNALS``; NaN means no opinion."""
Fold: TypeAlias = tuple[WeightProfile, tuple[int, ...]]
"""A profile and the rows of the query artists that it is judged on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedProfile:
    """Learned weights and their ranking quality on held-out artists, as they are written to ``evaluation.json``."""

    intercept: float
    slopes: dict[str, float]
    """Signal -> slope on the log-odds of its percentile."""
    missing: dict[str, float]
    """Signal -> log-odds added where it has no opinion."""
    refused: tuple[str, ...]
    """Signals whose slope came out negative; their slope is 0."""
    queries: int
    pairs: int
    listed: int
    """Number of the pairs that the truth lists."""
    measure: str
    """Name of the ranking measure that both profiles are compared by."""
    held_out: Estimate
    """Mean over the query artists, each ranked with weights that were learned without it."""
    rival: Estimate
    """Mean of ``evidence`` over the same artists."""
    difference: Difference
    """Learned weights minus ``evidence``, artist by artist."""

    @property
    def outcome(self) -> str:
        """``better``, ``worse`` or ``no clear difference``, by whether the interval of the difference contains 0."""
        found = self.difference.difference
        if found.low > 0:
            return "better"
        return "worse" if found.high < 0 else NO_DIFFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningResult:
    """Weights for a generation, and the figures for the report."""

    weights: FittedWeights
    learned: LearnedProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Training pairs of a query and an item; the pairs of one query are next to each other."""

    queries: Rows
    """``[pair]`` row of the query artist: the group that is never split between learning and measuring."""
    items: Rows
    """``[pair]`` row of the item."""
    raw: BySignal
    """Raw measures of the signals."""
    percentiles: BySignal
    """Percentiles of the opinions among reference pairs, in [0, 1]: the input of ``evidence`` and ``fitted``."""
    grades: Similarities
    """``[pair]`` grade of the truth; 0 for artists that it does not list."""


def learn(recommender: Recommender, truth: Truth, mix: LayerMix, *, k: int) -> LearningResult:
    """Learn weights from ``truth`` and measure them by nDCG at ``k``, fold by fold.

    Raises:
        BadInput: there are too few labels (``too_few_labels``), no weights can be fitted to them
            (``labels_teach_nothing``), or the generation has no percentiles (``not_calibrated``).
    """
    if not recommender.generation.calibration.percentiles:
        detail = "the generation has no percentiles, which learned weights need; build with 50 artists or more"
        raise BadInput("not_calibrated", detail)
    answerable = _answerable(truth)
    _require_enough(answerable)
    found = features(recommender, answerable, mix)
    try:
        return _learn(recommender, found, answerable, ArtistQuery(seeds=(), mix=mix), k=k)
    except InvalidArgument as error:
        raise BadInput("labels_teach_nothing", str(error)) from error


def _answerable(truth: Truth) -> Truth:
    """The queries with a relevant artist in the generation."""
    lists = {query: items for query, items in truth.lists.items() if any(truth.grades(query).values())}
    return replace(truth, lists=lists)


def _require_enough(truth: Truth) -> None:
    listed = sum(grade > 0 for query in truth.lists for grade in truth.grades(query).values())
    if len(truth.lists) < MIN_QUERIES or listed < MIN_LISTED:
        detail = (
            f"{len(truth.lists)} query artists with {listed} listed pairs in the generation; at least {MIN_QUERIES} "
            f"artists and {MIN_LISTED} pairs are needed. Use the profile {RIVAL}, which needs no labels"
        )
        raise BadInput("too_few_labels", detail)


def _learn(recommender: Recommender, found: Features, truth: Truth, asked: ArtistQuery, *, k: int) -> LearningResult:
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
    return LearningResult(weights=weights, learned=learned)


def _by_fold(found: Features, rival: WeightProfile) -> tuple[list[Fold], list[Fold]]:
    """For each fold, the weights learned without its artists, and the rival; both with the artists of the fold."""
    own: list[Fold] = []
    for rows, held in _folds(found):
        weights = fit(found.percentiles[rows], found.grades[rows], found.queries[rows])
        own.append((weights.profile, held))
    return own, [(rival, held) for _, held in own]


def _folds(found: Features) -> Iterator[tuple[npt.NDArray[np.bool_], tuple[int, ...]]]:
    """``[pair]`` whether to learn from it, and the held-out query artists, which are in none of those pairs."""
    for _, judged in GroupKFold(n_splits=FOLDS).split(found.grades, groups=found.queries):
        held = np.unique(found.queries[judged])
        yield ~(np.isin(found.queries, held) | np.isin(found.items, held)), tuple(held.tolist())


def _judge(
    recommender: Recommender, truth: Truth, asked: ArtistQuery, held: tuple[int, ...], *, k: int
) -> Similarities:
    """``[query]`` primary measure of the query artists ``held``, ranked among all artists."""
    ranked = {query: ranking(recommender, asked, query, depth=k) for query in held}
    return measure({query: truth.grades(query) for query in held}, ranked, k=k)[measure_names(k)[0]]


def _named(numbers: PerSignal) -> dict[str, float]:
    return {signal.value: number for signal, number in zip(SIGNALS, numbers, strict=True)}


def features(recommender: Recommender, truth: Truth, mix: LayerMix) -> Features:
    """Every listed pair in the generation, and for each query a seeded draw of artists that its list does not name."""
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
        percentiles=_percentiles(recommender, mix, dict(zip(truth.lists, blocks, strict=True)), stacked),
        grades=np.concatenate([grades for _, grades in blocks]) if blocks else np.empty(0),
    )


def _percentiles(
    recommender: Recommender, mix: LayerMix, asked: Mapping[int, tuple[Rows, Similarities]], raw: BySignal
) -> BySignal:
    """``[pair, signal]`` percentiles of the generation; where it has none, percentiles over a draw of its artists."""
    if not recommender.generation.calibration.percentiles:
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
    """Items of one query and their grades: the listed ones by row, then those drawn, by row."""
    grades = truth.grades(query)
    listed = np.array(sorted(grades), dtype=np.int64)
    artists = np.arange(len(recommender.generation.contents.artists.ids))
    others = np.setdiff1d(artists, [*grades, query])
    drawn = np.sort(random.permutation(others)[:UNLISTED])
    given = [grades[int(row)] for row in listed] + [0.0] * len(drawn)
    return np.concatenate([listed, drawn]), np.array(given, dtype=np.float64)


def references(recommender: Recommender, signals: dict[SignalName, Signal]) -> dict[SignalName, Percentiles]:
    """Distribution of each signal's values over the pairs of a seeded draw of artists."""
    count = len(recommender.generation.contents.artists.ids)
    drawn = np.sort(np.random.default_rng(SEED).permutation(count)[:REFERENCE_ARTISTS])
    return {name: percentiles_of(_opinions(signal, drawn)) for name, signal in signals.items()}


def _opinions(signal: Signal, drawn: Rows) -> Similarities:
    """Raw measures of each pair of ``drawn``, each pair once."""
    rows = [signal.raw(int(row))[drawn[place + 1 :]] for place, row in enumerate(drawn)]
    return np.concatenate(rows) if rows else np.empty(0)
