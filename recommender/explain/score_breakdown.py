"""A score taken apart: what each signal said, how it was weighed, and what it was worth. Pure.

With several seeds each number is a mean over the seeds that scored the artist, so that ``base`` and the contributions
still add up to the score. What negative seeds take away (recommender/fusion/seeds.py) is shared among the signals in
proportion to their opinions of those seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from recommender.fusion.profiles import Blended, WeightProfile, blend
from recommender.fusion.seeds import mean_given, negative_share
from recommender.signals.panel import SignalScores
from recommender.types import SIGNALS, Rows, ScoredArtist, Scores, SignalScore

Numbers = npt.NDArray[np.float64]


def break_down(
    rows: Rows, profile: WeightProfile, *, for_: Sequence[SignalScores], against: Sequence[SignalScores]
) -> list[ScoredArtist]:
    """The artists at ``rows`` scored with seeds and negative seeds, each with one line a signal.

    Args:
        rows: artists that ``for_`` and ``against`` speak of, in that order.
        profile: scores and weighs.
        for_: what was said with each seed.
        against: what was said with each negative seed.
    """
    if not len(rows):
        return []
    blends = [_blended(said, profile) for said in for_]
    scores, contributions = _balance(blends, [_blended(said, profile) for said in against])
    silent = _unscored(blends)
    columns = (
        *(_mean([getattr(said, name) for said in for_], silent) for name in ("raw", "shown", "percentiles")),
        _mean([each.weights for each in blends], silent),
        contributions,
    )
    told = zip(*(column.T.tolist() for column in columns), strict=True)
    return [
        ScoredArtist(row=row, score=score, base=profile.base, breakdown=_lines(*parts))
        for row, score, parts in zip(rows.tolist(), scores.tolist(), told, strict=True)
    ]


def with_itself(scores: Scores, own: npt.NDArray[np.bool_]) -> Scores:
    """``scores`` with 1 for the seed itself, whatever the profile can reach; NaN stays NaN."""
    return np.where(own & ~np.isnan(scores), 1.0, scores)


def _blended(said: SignalScores, profile: WeightProfile) -> Blended:
    """What the profile makes of it; for the seed itself the contributions are stretched to add up to 1."""
    found = blend(said.read, profile)
    if not said.own.any():
        return found
    reached = np.where(said.own, found.scores - found.base, np.nan)
    stretch = np.where(reached > 0, (1.0 - found.base) / np.where(reached > 0, reached, 1.0), 1.0)
    return replace(found, scores=with_itself(found.scores, said.own), contributions=found.contributions * stretch)


def _balance(liked: Sequence[Blended], disliked: Sequence[Blended]) -> tuple[Numbers, Numbers]:
    """Scores ``[artist]`` and contributions ``[signal, artist]``."""
    base = liked[0].base
    scores = mean_given(each.scores for each in liked)
    contributions = _mean([each.contributions for each in liked], _unscored(liked))
    if not disliked:
        return scores, contributions
    against = mean_given(each.scores for each in disliked)
    lost = np.nan_to_num(_mean([each.contributions for each in disliked], _unscored(disliked)), nan=0.0)
    share = negative_share(against, base)
    return scores * (1.0 - share), contributions - np.where(share > 0, scores * lost / (1.0 - base), 0.0)


def _unscored(blends: Sequence[Blended]) -> npt.NDArray[np.bool_]:
    """``[seed, artist]``: the seed has no score with the artist, and another has. Where none has, all are heard."""
    unscored: npt.NDArray[np.bool_] = np.isnan(np.stack([each.scores for each in blends]))
    return unscored & ~unscored.all(axis=0)


def _mean(parts: Sequence[Numbers], silent: npt.NDArray[np.bool_]) -> Numbers:
    """Mean ``[signal, artist]`` over the seeds that are not ``silent`` ``[seed, artist]``, of what is not NaN."""
    return mean_given(np.where(mute, np.nan, part) for part, mute in zip(parts, silent, strict=True))


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
