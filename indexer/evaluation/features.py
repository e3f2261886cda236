"""What every signal says of pairs whose kinship is known: the table that weights are learned from. Pure of fitting.

``soundkin evaluate --fit`` and ``indexer/fit_weights.py`` take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from indexer.evaluation.statistics import SEED
from indexer.evaluation.truth import Truth
from recommender.calibration.percentiles import Percentiles, percentile, percentiles_of
from recommender.ranking.artists import Recommender
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
