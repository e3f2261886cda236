"""Splits a score into what each signal contributed: its opinion, its weight, and its part of the score.

With several seeds each number is a mean over the seeds that scored the artist, so that ``base`` and the contributions
still add up to the score. What negative seeds take away (recommender/fusion/seeds.py) is divided among the signals in
proportion to their contributions with those seeds. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recommender.fusion.profiles import Blended, WeightProfile, blend
from recommender.fusion.seeds import mean_given, negative_share
from recommender.signals.panel import SignalScores
from recommender.types import SIGNALS, Rows, ScoredArtist, Scores, SignalScore

Numbers = npt.NDArray[np.float64]


def break_down(
    rows: Rows, profile: WeightProfile, *, liked: Sequence[SignalScores], disliked: Sequence[SignalScores]
) -> list[ScoredArtist]:
    """The artists at ``rows`` scored with seeds and negative seeds, each with one breakdown line a signal.

    Args:
        rows: of the artists that ``liked`` and ``disliked`` are about, in that order.
        profile: scores and weighs.
        liked: signal scores with each seed.
        disliked: signal scores with each negative seed.
    """
    if not len(rows):
        return []
    blends = _blend_all(liked, profile)
    base = blends[0].base
    scores = mean_given([blended.scores for blended in blends])
    raw, shown, percentiles, weights, contributions = _mean_over_seeds(
        blends,
        [
            np.stack([signals.raw, signals.shown, signals.percentiles, blended.weights, blended.contributions])
            for signals, blended in zip(liked, blends, strict=True)
        ],
    )
    if disliked:
        scores, contributions = _less_disliked(scores, contributions, _blend_all(disliked, profile))
    # As Python numbers, which are read one by one faster than those of an array.
    columns = [column.T.tolist() for column in (raw, shown, percentiles, weights, contributions)]
    return [
        ScoredArtist(row=row, score=score, base=base, breakdown=_lines(*numbers))
        for row, score, numbers in zip(rows.tolist(), scores.tolist(), zip(*columns, strict=True), strict=True)
    ]


def with_itself(scores: Scores, own: npt.NDArray[np.bool_]) -> Scores:
    """``scores`` with 1 for the seed itself, whatever the profile can reach; NaN stays NaN."""
    return np.where(own & ~np.isnan(scores), 1.0, scores)


def _blend_all(seeds: Sequence[SignalScores], profile: WeightProfile) -> list[Blended]:
    """Scores and contributions with each seed, by the profile; those of a seed with itself are scaled to add up to 1.

    All seeds are blended at once: most of the time goes into calls, not into numbers.
    """
    blended = blend(np.concatenate([signals.read for signals in seeds], axis=1), profile)
    own = np.concatenate([signals.own for signals in seeds])
    scores, contributions = blended.scores, blended.contributions
    if own.any():
        reached = np.where(own, scores - blended.base, np.nan)
        contributions = contributions * np.where(
            reached > 0, (1.0 - blended.base) / np.where(reached > 0, reached, 1.0), 1.0
        )
        scores = with_itself(scores, own)
    ends = np.cumsum([len(signals.own) for signals in seeds])[:-1]
    parts = zip(
        np.split(scores, ends),
        np.split(blended.weights, ends, axis=1),
        np.split(contributions, ends, axis=1),
        strict=True,
    )
    return [
        Blended(scores=score, weights=weight, contributions=contribution, base=blended.base)
        for score, weight, contribution in parts
    ]


def _less_disliked(scores: Scores, contributions: Numbers, disliked: Sequence[Blended]) -> tuple[Scores, Numbers]:
    """Scores ``[artist]`` and contributions ``[signal, artist]`` after negative seeds have taken their share."""
    base = disliked[0].base
    share = negative_share(mean_given([blended.scores for blended in disliked]), base)
    mean = _mean_over_seeds(disliked, [blended.contributions for blended in disliked])
    # The score falls by scores * share, and share is (sum of mean contributions) / (1 - base): so each signal loses
    # scores * (its mean contribution) / (1 - base), and base plus the rest still adds up to the score.
    lost = scores * np.nan_to_num(mean, nan=0.0) / (1.0 - base)
    return scores * (1.0 - share), contributions - np.where(share > 0, lost, 0.0)


def _mean_over_seeds(blends: Sequence[Blended], parts: Sequence[Numbers]) -> Numbers:
    """Mean of ``parts`` ``[..., signal, artist]``, one a seed, over the seeds that have a score with the artist.

    Where no seed has one, over all seeds: the opinions are shown although no signal with a weight has one.
    """
    unscored = np.isnan(np.stack([blended.scores for blended in blends]))
    unscored &= ~unscored.all(axis=0)
    return mean_given([np.where(missing, np.nan, part) for part, missing in zip(parts, unscored, strict=True)])


def _lines(
    raws: list[float], values: list[float], percentiles: list[float], weights: list[float], contributions: list[float]
) -> tuple[SignalScore, ...]:
    return tuple(
        SignalScore(
            signal=name,
            available=not math.isnan(raw),
            raw=raw,
            value=value,
            percentile=percentile,
            weight=weight,
            contribution=contribution,
        )
        for name, raw, value, percentile, weight, contribution in zip(
            SIGNALS, raws, values, percentiles, weights, contributions, strict=True
        )
    )
