"""Chooses the calibration of a layer: its own, the one that ships with the product, or the raw cosine.

The rule:

1. With :data:`PROVISIONAL_FROM` artists or more, the catalog's own bundle is the usual one; it whitens where as many
   have two tracks. With fewer artists, it is the borrowed one, where one ships for the space, else raw cosines.
2. Of an own bundle, from :data:`LEAST_PAIRED` artists with two tracks on, halves of their tracks decide
   (``split_halves.py``): another bundle takes its place if the 95 % interval of that one's gain is above 0; of several,
   the one with the highest mean. The others are raw cosines, with a scale, and the borrowed bundle. Whitening is not
   always good: on recordings it makes ``timbre`` worse. Undecided, the own one stays.

An own bundle is judged by fits without the artists it is tested on. The manifest records each comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from indexer.build.calibration.borrowed_bundle import borrowed_bundle
from indexer.build.calibration.calibration_fit import Reference, fit
from indexer.build.calibration.split_halves import FOLDS, LEAST_PAIRED, Gain, cross_fitted_ranks, drawn
from recommender.calibration.cohort import PROVISIONAL_FROM, Bundle, Method
from recommender.errors import InvalidArgument
from recommender.generation.manifest import HalvesEntry
from recommender.types import Space

OWN, BORROWED, RAW = "own", "borrowed", "raw"
_DIGITS = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The bundle of a layer, and why it is that one."""

    bundle: Bundle
    note: str = ""
    """Why it is uncalibrated although there are enough artists; empty when all is well."""
    compared: tuple[HalvesEntry, ...] = ()
    """The comparisons of the own bundle with others; empty where too few artists have two tracks."""


def fit_layer(reference: Reference, *, space: Space, layer: str) -> Fitted:
    """The bundle of a layer by the rule above; when nothing can be fitted, one that keeps raw cosines, and the reason.

    The same reference gives the same bundle.
    """
    borrowed = borrowed_bundle(space, layer)
    try:
        return _choose(reference, borrowed, space=space, layer=layer)
    except InvalidArgument as error:
        _log.warning("layer %s is not calibrated by its own artists: %s", layer, error)
        return Fitted(bundle=borrowed or raw_bundle(space, layer), note=str(error))


def raw_bundle(space: Space, layer: str) -> Bundle:
    """A bundle that was fitted on nothing: the raw cosine, without a scale."""
    empty = Reference(ids=(), artist=np.empty(0, np.int64), tracks=np.empty((0, space.dim), np.float32))
    return fit(empty, space=space, layer=layer)


def _choose(reference: Reference, borrowed: Bundle | None, *, space: Space, layer: str) -> Fitted:
    makers: dict[str, Callable[[Reference], Bundle]] = {OWN: partial(fit, space=space, layer=layer)}
    if borrowed is not None:
        makers[BORROWED] = lambda _: borrowed
    makers[RAW] = partial(fit, space=space, layer=layer, method=Method.RAW)
    if len(reference.ids) < PROVISIONAL_FROM:
        return Fitted(bundle=makers[BORROWED if borrowed is not None else OWN](reference))
    compared = _compare(reference, makers)
    better = [entry for entry in compared if entry.high < 0.0]
    chosen = min(better, key=lambda entry: entry.gain).other if better else OWN
    return Fitted(bundle=makers[chosen](reference), compared=compared)


def _compare(reference: Reference, makers: dict[str, Callable[[Reference], Bundle]]) -> tuple[HalvesEntry, ...]:
    """The own bundle, the first of ``makers``, against each other one; empty where too few artists could tell."""
    some = drawn(reference)
    # A fit without one fold must still do what the fit on all does: whiten, or at least centre.
    enough = PROVISIONAL_FROM * FOLDS / (FOLDS - 1)
    fitted_on = some.paired if some.paired >= PROVISIONAL_FROM else len(some.ids)
    if some.paired < LEAST_PAIRED or fitted_on < enough:
        return ()
    own, *others = cross_fitted_ranks(some, list(makers.values()))
    names = [name for name in makers if name != OWN]
    return tuple(_entry(name, Gain.of(own - other), some.paired) for name, other in zip(names, others, strict=True))


def _entry(other: str, gain: Gain, artists: int) -> HalvesEntry:
    low, mean, high = (round(number, _DIGITS) for number in (gain.low, gain.mean, gain.high))
    return HalvesEntry(other=other, artists=artists, gain=mean, low=low, high=high)
