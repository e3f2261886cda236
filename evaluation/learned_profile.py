"""Learns signal weights from a truth file and measures them on held-out artists (``soundkin evaluate --fit``).

Folds are by artist on both sides: the query artists of a fold are in no pair, as query or as item, that the weights of
the fold are learned from. See docs/methods.md, "Learned weights".
"""

from __future__ import annotations

from collections.abc import Iterator
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
from recommender.errors import BadInput, InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, PerSignal
from recommender.fusion.profiles import WeightProfile
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import SIGNALS, LayerMix, Opinions, Rows, Scale, Similarities
from recommender.vectors import top

MIN_QUERIES = 20
"""Least number of queries with a relevant artist in the generation: four in each of five folds."""
MIN_LISTED = 80
"""Least number of listed pairs: ten for each of the 8 coefficients (Peduzzi et al., J. Clin. Epidemiol. 49, 1996)."""
NO_DIFFERENCE = "no clear difference"
"""Outcome when the interval of the difference contains 0."""
RIVAL = "evidence"
"""The profile that learned weights are compared with: it needs no labels."""
NEAREST = 100
"""Artists nearest to each query by each signal that its list does not name; they get the grade 0. Weights must tell
related artists from these: random artists, which any weights rank last, teach little."""
DRAWN = 20
"""Artists drawn at random for each query besides, so that the scores of unrelated artists are learned too."""

BySignal: TypeAlias = npt.NDArray[np.float64]
"""``[pair, signal]``, signals in the order of ``recommender.types.SIGNALS``; NaN means no opinion."""
Fold: TypeAlias = tuple[WeightProfile, tuple[int, ...]]
"""A profile and the rows of the query artists that it is judged on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedProfile:
    """Learned weights and their ranking quality on held-out artists, as they are written to ``evaluation.json``."""

    intercept: float
    slopes: dict[str, float]
    """Signal -> slope on its strength."""
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
    strengths: BySignal
    """Strengths of the signals: the input of ``evidence`` and ``fitted``."""
    grades: Similarities
    """``[pair]`` grade of the truth; 0 for artists that it does not list."""


def learn(recommender: Recommender, truth: Truth, mix: LayerMix, *, k: int) -> LearningResult:
    """Learn weights from ``truth`` and measure them by nDCG at ``k``, fold by fold.

    Raises:
        BadInput: there are too few labels (``too_few_labels``), no weights can be fitted to them
            (``labels_teach_nothing``).
    """
    usable = answerable(truth)
    require_enough(usable)
    found = features(recommender, usable, mix)
    try:
        return _learn(recommender, found, usable, ArtistQuery(seeds=(), mix=mix), k=k)
    except InvalidArgument as error:
        raise BadInput("labels_teach_nothing", str(error)) from error


def answerable(truth: Truth) -> Truth:
    """The queries with a relevant artist in the generation."""
    lists = {query: items for query, items in truth.lists.items() if any(truth.grades(query).values())}
    return replace(truth, lists=lists)


def require_enough(truth: Truth, *, queries: int = MIN_QUERIES) -> None:
    """Raise BadInput ``too_few_labels`` for fewer queries, or fewer listed pairs than :data:`MIN_LISTED`."""
    listed = sum(grade > 0 for query in truth.lists for grade in truth.grades(query).values())
    if len(truth.lists) < queries or listed < MIN_LISTED:
        detail = (
            f"{len(truth.lists)} query artists with {listed} listed pairs in the generation; at least {queries} "
            f"artists and {MIN_LISTED} pairs are needed. Use the profile {RIVAL}, which needs no labels"
        )
        raise BadInput("too_few_labels", detail)


def _learn(recommender: Recommender, found: Features, truth: Truth, asked: ArtistQuery, *, k: int) -> LearningResult:
    weights = fit(found.strengths, found.grades, found.queries)
    primary = measure_names(k)[0]
    rival = recommender.generation.calibration.choices.named[RIVAL]

    def judge(folds: list[Fold]) -> Similarities:
        parts = [judge_held_out(recommender, truth, replace(asked, weights=one), held, k=k) for one, held in folds]
        return np.concatenate(parts)

    ours, theirs = (judge(folds) for folds in _by_fold(found, rival))
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
        weights = fit(found.strengths[rows], found.grades[rows], found.queries[rows])
        own.append((weights.profile, held))
    return own, [(rival, held) for _, held in own]


def _folds(found: Features) -> Iterator[tuple[npt.NDArray[np.bool_], tuple[int, ...]]]:
    """``[pair]`` whether to learn from it, and the held-out query artists, which are in none of those pairs."""
    for _, judged in GroupKFold(n_splits=FOLDS).split(found.grades, groups=found.queries):
        held = np.unique(found.queries[judged])
        yield ~(np.isin(found.queries, held) | np.isin(found.items, held)), tuple(held.tolist())


def judge_held_out(
    recommender: Recommender, truth: Truth, asked: ArtistQuery, held: tuple[int, ...], *, k: int
) -> Similarities:
    """``[query]`` primary measure of the query artists ``held``, ranked among all artists."""
    known = {query: known_listings(recommender, truth, query) for query in held}
    ranked = {
        query: ranking(recommender, replace(asked, exclude=frozenset(known[query].tolist())), query, depth=k)
        for query in held
    }
    return measure({query: truth.grades(query) for query in held}, ranked, k=k)[measure_names(k)[0]]


def known_listings(recommender: Recommender, truth: Truth, query: int) -> Rows:
    """Rows that the scene lists with ``query`` and the truth does not.

    Where a truth is what was left out of the scene data, these are related artists that it does not name: neither to be
    learned as unrelated, nor to be judged.
    """
    listed = recommender.scene_neighbours(query)
    return np.setdiff1d(listed, [row for row, grade in truth.grades(query).items() if grade > 0])


def _named(numbers: PerSignal) -> dict[str, float]:
    return {signal.value: number for signal, number in zip(SIGNALS, numbers, strict=True)}


def features(recommender: Recommender, truth: Truth, mix: LayerMix) -> Features:
    """Every listed pair in the generation, and for each query the contrasts that its list does not name.

    Contrasts are the nearest artists by each signal and a seeded draw of all.
    """
    panel = recommender.panel(mix)
    queries, items, strengths, grades = [], [], [], []
    for query, chosen, graded in choose_pairs(recommender, truth, mix):
        queries.append(np.full(len(chosen), query))
        items.append(chosen)
        strengths.append(panel.read(query, Scale.STRENGTHS, chosen).T)
        grades.append(graded)
    return Features(
        queries=_joined(queries),
        items=_joined(items),
        strengths=np.concatenate(strengths) if strengths else np.empty((0, len(SIGNALS))),
        grades=np.concatenate(grades) if grades else np.empty(0),
    )


def choose_pairs(recommender: Recommender, truth: Truth, mix: LayerMix) -> Iterator[tuple[int, Rows, Similarities]]:
    """Query, rows of its listed artists and its contrasts, and their grades; for every query of ``truth``."""
    panel, random = recommender.panel(mix), np.random.default_rng(SEED)
    for query in truth.lists:
        rows, grades = _block(recommender, truth, query, panel.read(query, Scale.STRENGTHS), random)
        yield query, rows, grades


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def _block(
    recommender: Recommender, truth: Truth, query: int, opinions: Opinions, random: np.random.Generator
) -> tuple[Rows, Similarities]:
    """Items of one query and their grades: the listed ones by row, then the contrasts by row."""
    grades = truth.grades(query)
    listed = np.array(sorted(grades), dtype=np.int64)
    never = np.concatenate([listed, [query], known_listings(recommender, truth, query)]).astype(np.int64)
    among = opinions.copy()
    among[:, never] = np.nan
    nearest = [top(np.where(signal > 0, signal, np.nan), NEAREST) for signal in among]
    others = np.setdiff1d(np.arange(opinions.shape[1]), never)
    contrasts = np.unique(np.concatenate([*nearest, random.permutation(others)[:DRAWN]]))
    given = [grades[int(row)] for row in listed] + [0.0] * len(contrasts)
    return np.concatenate([listed, contrasts]), np.array(given, dtype=np.float64)
