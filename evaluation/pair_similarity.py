"""The similarities in [0, 1] that the audio signal shows for pairs of artists: the scale that targets are given on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.layer_views import ArtistSample
from evaluation.measures.distribution import Separation, ValueRange, pairs_of, separation, spread
from evaluation.measures.kinship_probability import Reliability, reliability
from recommender.signals.audio import AudioSignal

MAX_ARTISTS = 500
"""Artists whose pairs are scored; those of the truth come first. 500 artists are 124,750 pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSimilarities:
    """Statistics of the similarities that users see; calibrated where the generation is calibrated."""

    spread: ValueRange
    separation: Separation
    reliability: Reliability


def measure_shown(signal: AudioSignal, sample: ArtistSample) -> ShownSimilarities:
    """Measure ``signal`` over the pairs of the artists in ``sample``."""
    chosen = _chosen(sample)
    rows = sample.rows[chosen]
    values = np.stack([signal.shown(int(row), rows) for row in rows]) if rows.size else np.empty((0, 0))
    position = np.full(len(sample.rows), -1)
    position[chosen] = np.arange(len(chosen))
    scored = []
    for pairs in (sample.related, sample.unrelated):
        inside = position[pairs]
        scored.append(inside[(inside >= 0).all(axis=1)])
    related, unrelated = (values[inside[:, 0], inside[:, 1]] for inside in scored)
    return ShownSimilarities(
        spread=spread(pairs_of(values)),
        separation=separation(related, unrelated),
        reliability=reliability(
            np.concatenate([related, unrelated]),
            np.repeat([True, False], [len(related), len(unrelated)]),
            np.concatenate([inside[:, 0] for inside in scored]),
        ),
    )


def _chosen(sample: ArtistSample) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Positions in ``sample.rows``, rising: artists of related pairs before others, at most ``MAX_ARTISTS``."""
    related = np.unique(sample.related)
    rest = np.setdiff1d(np.arange(len(sample.rows)), related)
    return np.sort(np.concatenate([related, rest])[:MAX_ARTISTS]).astype(np.int64)
