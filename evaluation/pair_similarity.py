"""The similarities that the audio signal shows for pairs, in [0, 1]: the scale that targets are stated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.layer_views import LayerViews
from evaluation.measures.distribution import Separation, ValueRange, pairs_of, separation, spread
from evaluation.measures.kinship_probability import Reliability, reliability
from recommender.signals.audio import AudioSignal

MAX_ARTISTS = 500
"""Artists whose pairs are asked for, those of the truth among the first; each is compared with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSimilarities:
    """What a reader of the scores sees, calibrated if the generation is."""

    spread: ValueRange
    separation: Separation
    reliability: Reliability


def measure_shown(signal: AudioSignal, looked: LayerViews) -> ShownSimilarities:
    """Measure ``signal`` over the pairs of the artists that are looked at."""
    chosen = _chosen(looked)
    rows = looked.rows[chosen]
    values = np.stack([signal.shown(int(row), rows) for row in rows]) if rows.size else np.empty((0, 0))
    place = np.full(len(looked.rows), -1)
    place[chosen] = np.arange(len(chosen))
    found = []
    for pairs in (looked.related, looked.unrelated):
        inside = place[pairs]
        found.append(inside[(inside >= 0).all(axis=1)])
    related, unrelated = (values[inside[:, 0], inside[:, 1]] for inside in found)
    return ShownSimilarities(
        spread=spread(pairs_of(values)),
        separation=separation(related, unrelated),
        reliability=reliability(
            np.concatenate([related, unrelated]),
            np.repeat([True, False], [len(related), len(unrelated)]),
            np.concatenate([inside[:, 0] for inside in found]),
        ),
    )


def _chosen(looked: LayerViews) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places in ``looked.rows``: artists of related pairs first, then the others, in order."""
    related = np.unique(looked.related)
    rest = np.setdiff1d(np.arange(len(looked.rows)), related)
    return np.sort(np.concatenate([related, rest])[:MAX_ARTISTS]).astype(np.int64)
