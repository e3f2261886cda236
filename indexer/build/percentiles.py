"""What opinions are weighed with: percentiles of the relations over a seeded draw of pairs, and learned weights."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from recommender.calibration import percentiles
from recommender.calibration.cohort import PROVISIONAL_FROM
from recommender.calibration.percentiles import Percentiles, percentiles_of
from recommender.fusion import learned_weights
from recommender.generation.calibration import FITTED, percentiles_prefix
from recommender.generation.contents import Relations
from recommender.signals.base import Signal
from recommender.signals.panel import RelationSignals
from recommender.types import Rows, Space

ASKING = 200
"""Artists whose opinions are asked for, of those the signal knows."""
ASKED = 5000
"""Artists they are asked about at most, of all: a million pairs, two thousand of them above the highest percentile
that counts."""
MIN_ARTISTS = PROVISIONAL_FROM
"""Below it a percentile would say nothing, so none are written."""
SEED = 0

_log = logging.getLogger(__name__)


def write_percentiles(folder: Path, relations: Relations) -> None:
    """Write the percentiles of scene, genre and collaboration into ``folder``; nothing for too few artists."""
    artists = len(relations.scene_mentioned)
    if artists < MIN_ARTISTS:
        return
    for signal in RelationSignals.of(relations).all():
        percentiles.save(reference_of(signal), folder, percentiles_prefix(signal.name))


def keep_fitted(home: Path, folder: Path, space: Space) -> None:
    """Take the weights that were learned from labels into the generation, where ``home`` has a file of them.

    Weights learned in another space say how far to trust another encoder: they stay out, and the log says so.
    Raises InvalidArgument when the file holds no weights.
    """
    path = home / FITTED
    if not path.exists():
        return
    _, learned = learned_weights.load(path)
    if learned.space not in ("", space.fingerprint):
        _log.warning("%s was learned in space %s, not in %s: left out", path, learned.space, space.fingerprint)
        return
    (folder / FITTED).write_bytes(path.read_bytes())


def reference_of(signal: Signal) -> Percentiles:
    """The distribution of the opinions of up to :data:`ASKING` artists of up to :data:`ASKED` others.

    An artist's opinion of itself does not count. Empty when the signal knows nobody.
    """
    asking = _drawn(np.flatnonzero(signal.known), ASKING)
    asked = _drawn(np.arange(len(signal.known)), ASKED)
    opinions = [signal.value(signal.raw(row))[asked[asked != row]] for row in asking.tolist()]
    return percentiles_of(np.concatenate(opinions) if opinions else np.empty(0))


def _drawn(rows: Rows, most: int) -> Rows:
    """At most ``most`` of ``rows``, rising, drawn with a seed."""
    return np.sort(np.random.default_rng(SEED).permutation(rows)[:most]).astype(np.int64)
