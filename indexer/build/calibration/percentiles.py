"""Writes the percentiles of scene, genre and collaboration values, and copies learned weights, into a generation."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from recommender.calibration import bundle_files
from recommender.calibration.cohort import PROVISIONAL_FROM
from recommender.calibration.percentiles import Percentiles, percentiles_of
from recommender.fusion import boosted_trees, learned_weights
from recommender.generation.calibration import FITTED, percentiles_prefix
from recommender.generation.contents import Relations
from recommender.signals.base import Signal
from recommender.signals.panel import RelationSignals
from recommender.types import Rows, Scale, Space

MAX_SEEDS = 200
"""Artists drawn as seeds, of those that the signal knows."""
MAX_OTHERS = 5000
"""Artists drawn to compare them with, of all. With 200 seeds that is a million pairs, of which two thousand are above
the highest percentile that is used (docs/methods.md, "Percentiles")."""
MIN_ARTISTS = PROVISIONAL_FROM
"""With fewer artists no percentiles are written, because they would be too uncertain."""
SEED = 0

_log = logging.getLogger(__name__)


def write_percentiles(folder: Path, relations: Relations) -> None:
    """Write the percentiles of scene, genre and collaboration into ``folder``; nothing for too few artists."""
    artists = len(relations.scene_mentioned)
    if artists < MIN_ARTISTS:
        return
    for signal in RelationSignals.of(relations).all():
        bundle_files.save_percentiles(reference_of(signal), folder, percentiles_prefix(signal.name))


def keep_fitted(home: Path, folder: Path, space: Space) -> None:
    """Copy the weights learned from labels into the generation, when ``home`` has a file of them.

    Weights learned in another space describe another encoder, and those of an earlier release read percentiles, which
    mean something else now: they are not copied, and a warning is logged. Raises InvalidArgument when the file contains
    no weights.
    """
    path = home / FITTED
    if not path.exists():
        return
    weights, learned = learned_weights.load(path)
    if weights.scale is not Scale.STRENGTHS:
        _log.warning("%s was learned by an earlier release: left out; run soundkin evaluate --fit again", path)
        return
    if learned.space not in ("", space.fingerprint):
        _log.warning("%s was learned in space %s, not in %s: left out", path, learned.space, space.fingerprint)
        return
    (folder / FITTED).write_bytes(path.read_bytes())


def keep_learned(home: Path, folder: Path, space: Space) -> None:
    """Copy the trees learned from labels into the generation, when ``home`` has some for this space and release.

    Raises InvalidArgument when they cannot be read.
    """
    if not (home / boosted_trees.HEADER).exists():
        return
    learned = boosted_trees.load_ranking(home)
    if not learned.is_current:
        _log.warning("the learned ranking in %s reads features of another release: left out; learn it again", home)
    elif learned.space not in ("", space.fingerprint):
        _log.warning("the learned ranking in %s is of space %s: left out", home, learned.space)
    else:
        boosted_trees.save_ranking(learned, folder)


def reference_of(signal: Signal) -> Percentiles:
    """Percentiles of a signal's values between up to :data:`MAX_SEEDS` artists and up to :data:`MAX_OTHERS` others.

    An artist is not compared with itself. Empty when the signal knows no artist.
    """
    seeds = _drawn(np.flatnonzero(signal.known), MAX_SEEDS)
    others = _drawn(np.arange(len(signal.known)), MAX_OTHERS)
    opinions = [signal.value(signal.raw(row))[others[others != row]] for row in seeds.tolist()]
    return percentiles_of(np.concatenate(opinions) if opinions else np.empty(0))


def _drawn(rows: Rows, count: int) -> Rows:
    """At most ``count`` of ``rows``, drawn with a fixed seed, in rising order."""
    return np.sort(np.random.default_rng(SEED).permutation(rows)[:count]).astype(np.int64)
