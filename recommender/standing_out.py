"""In which aspect two tracks are near: the one in which they stand out most from what is usual."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from recommender.calibration import Bundle, Standing, Status, cohort_stats, move
from recommender.comparing import cosines, percentile, score_cosines
from recommender.errors import InvalidArgument
from recommender.generation import Generation
from recommender.types import Aspect, Vectors


def standing_out(generation: Generation, a: int, b: int) -> str:
    """Name of the aspect of the space in which the tracks at rows ``a`` and ``b`` are nearest; empty without aspects.

    Cosines of two layers cannot be compared. So where every layer of every aspect is calibrated, each track is measured
    as an artist of one track is, its own artist and the other's left out of the cohort; the highest percentile wins.
    Else the highest cosine does. Ties go to the aspect that the space names first.
    """
    aspects = generation.manifest.space.aspects
    layers = sorted({layer for aspect in aspects for layer in aspect.layers})
    near = _percentiles(generation, layers, a, b) if _calibrated(generation, layers) else None
    return _highest(aspects, near or {layer: _cosine(_pair(generation, layer, a, b)) for layer in layers})


def _highest(aspects: Iterable[Aspect], near: dict[str, float]) -> str:
    found = {each.name: sum(near[layer] * share for layer, share in each.layers.items()) for each in aspects}
    return max(found, key=lambda name: found[name], default="")


def _calibrated(generation: Generation, layers: Iterable[str]) -> bool:
    held = generation.calibration.layers
    return all(layer in held and held[layer].bundle.status is not Status.UNCALIBRATED for layer in layers)


def _percentiles(generation: Generation, layers: Iterable[str], a: int, b: int) -> dict[str, float] | None:
    """Layer -> percentile of the pair; None when it cannot be measured in one of them."""
    owners = generation.contents.tracks.artist[[a, b]]
    ids = {generation.contents.artists.ids[int(owner)] for owner in owners}
    held = generation.calibration.layers
    try:
        return {layer: _percentile(held[layer].bundle, _pair(generation, layer, a, b), ids) for layer in layers}
    except InvalidArgument:
        return None


def _percentile(bundle: Bundle, pair: Vectors, without: Collection[str]) -> float:
    vectors = move(bundle, pair).astype(np.float32)
    (mean, sd), (mean_b, sd_b) = (cohort_stats(bundle, vector, without=without) for vector in vectors)
    alike = cosines(vectors[:1], vectors[1])
    score = score_cosines(bundle.method, alike, Standing(mean=mean, sd=sd), Standing(mean=mean_b, sd=sd_b))
    return float(percentile(bundle, score)[0])


def _cosine(pair: Vectors) -> float:
    return float(cosines(pair[:1], pair[1])[0])


def _pair(generation: Generation, layer: str, a: int, b: int) -> Vectors:
    """``[2, dim]`` unit vectors of the tracks."""
    return generation.tracks[layer].vectors(generation.contents.tracks.vector_row[[a, b]])
