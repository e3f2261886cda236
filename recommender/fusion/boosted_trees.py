"""The profile ``learned``: regression trees over the features of a pair, evaluated from plain arrays with numpy.

LightGBM makes the trees where labels are many (evaluation/learned_trees.py); the server needs only the arrays. The
margin of a pair is the sum over the trees of one leaf each; its score is ``sigmoid(intercept + slope * margin)``, with
a slope above 0, so that the margin decides the order, and with the score of an unrelated pair where nothing is known.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy.special import expit

from recommender.array_files import load_array
from recommender.errors import InvalidArgument
from recommender.strict_json import from_facts, take_format, to_facts
from recommender.types import SIGNALS, Opinions, Scale, Scores, SignalName

PROFILE = "learned"
"""The name of the profile in a request."""
HEADER = "learned.json"
MAX_DEPTH = 64
"""Deepest tree that is read; LightGBM's have fewer levels than leaves."""
_BLOCK = 1 << 12
"""Pairs evaluated at once, to bound the memory."""

Table: TypeAlias = npt.NDArray[np.float64]
"""``[feature, item]``; NaN is "no data"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One measure of a pair of artists (recommender/signals/features.py)."""

    name: str
    signal: SignalName
    rising: bool
    """It says more for the pair the higher it is, and no tree may turn it round."""


def _of(signal: SignalName, rising: str, free: str = "") -> tuple[Feature, ...]:
    made = [Feature(name=name, signal=signal, rising=True) for name in rising.split()]
    return (*made, *(Feature(name=name, signal=signal, rising=False) for name in free.split()))


FEATURES = (
    *_of(SignalName.AUDIO, "audio_strength"),
    *_of(
        SignalName.SCENE,
        "walk walk_popular walk_even common_rare common_cosine three_steps",
        "fewer_listed more_listed",
    ),
    *_of(SignalName.GENRE, "genre_shared genre_rare", "fewer_genres more_genres"),
    *_of(SignalName.COLLABORATION, "collaboration", "fewer_partners more_partners"),
)
"""What a learned ranking reads, in the order of its axis; the first of each signal is the signal's own measure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """All trees as one table of nodes.

    Raises:
        InvalidArgument: the arrays do not fit one another, a node leads to no other node of its tree, or a tree has
            more than :data:`MAX_DEPTH` levels.
    """

    roots: npt.NDArray[np.int32]
    """``[tree]`` node at which each tree begins."""
    feature: npt.NDArray[np.int32]
    """``[node]`` what is compared; -1 for a leaf."""
    threshold: npt.NDArray[np.float64]
    """``[node]`` at most this goes left; the value of a leaf."""
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    """``[node]`` the next nodes, which come after it; 0 for a leaf."""
    nan_left: npt.NDArray[np.int8]
    """``[node]`` where NaN goes: 1 left, 0 right, 2 where it counts as 0."""

    def __post_init__(self) -> None:
        if any(getattr(self, each.name).ndim != 1 for each in fields(self)):
            raise InvalidArgument("trees", "have arrays of more than one axis, or of none")
        nodes = len(self.feature)
        if {len(getattr(self, each.name)) for each in fields(self) if each.name != "roots"} != {nodes}:
            raise InvalidArgument("trees", "have arrays of several lengths")
        inner = np.flatnonzero(self.feature >= 0)
        children = np.stack([self.left[inner], self.right[inner]])
        # A child behind its parent: no walk can go round in a circle, whatever a damaged file says.
        if not len(self.roots) or (children <= inner).any() or children.max(initial=0) >= nodes:
            raise InvalidArgument("trees", "have a node that leads to none, or back")
        if self.roots.min() < 0 or self.roots.max() >= nodes or not np.isfinite(self.threshold).all():
            raise InvalidArgument("trees", "begin outside their nodes, or hold a number that is not finite")
        if ((self.nan_left < 0) | (self.nan_left > 2)).any():
            raise InvalidArgument("trees", "send a missing number nowhere")
        self._check_depth()

    def _check_depth(self) -> None:
        level = self.roots
        for _ in range(MAX_DEPTH):
            inner = level[self.feature[level] >= 0]
            level = np.unique(np.concatenate([self.left[inner], self.right[inner]]))
        if len(level):
            raise InvalidArgument("trees", f"have more than {MAX_DEPTH} levels")

    def margins(self, table: Table) -> npt.NDArray[np.float64]:
        """``[item]`` sums of the leaves that the items of ``table`` ``[feature, item]`` reach, tree after tree."""
        found = np.empty(table.shape[1])
        for start in range(0, table.shape[1], _BLOCK):
            found[start : start + _BLOCK] = self._margins(table[:, start : start + _BLOCK])
        return found

    def _margins(self, table: Table) -> npt.NDArray[np.float64]:
        items = np.arange(table.shape[1])
        node = np.broadcast_to(self.roots[:, np.newaxis], (len(self.roots), len(items))).copy()
        for _ in range(MAX_DEPTH):
            feature = self.feature[node]
            if (feature < 0).all():
                break
            value = table[np.maximum(feature, 0), items]
            nan, goes = np.isnan(value), self.nan_left[node]
            low = np.where(nan & (goes < 2), goes == 1, np.where(nan, 0.0, value) <= self.threshold[node])
            node = np.where(feature < 0, node, np.where(low, self.left[node], self.right[node]))
        # One tree after the other, as LightGBM adds them, so that the sums agree to the bit.
        return functools.reduce(np.add, self.threshold[node])

    def save(self, folder: Path, prefix: str) -> None:
        """Write ``prefix.roots.npy`` and so on into ``folder``."""
        for each in fields(self):
            np.save(folder / f"{prefix}.{each.name}.npy", getattr(self, each.name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, prefix: str) -> Trees:
        """Read what :meth:`save` wrote. Raises OSError, ValueError or InvalidArgument for a damaged file."""
        numbers = ("roots", "feature", "left", "right")
        return cls(
            **{name: load_array(folder, f"{prefix}.{name}", np.int32) for name in numbers},
            threshold=load_array(folder, f"{prefix}.threshold", np.float64),
            nan_left=load_array(folder, f"{prefix}.nan_left", np.int8),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedRanking:
    """A weight profile of trees. See :class:`recommender.fusion.profiles.WeightProfile`.

    Raises:
        InvalidArgument: the slope is not above 0, or a number is not finite.
    """

    trees: Trees
    signals: tuple[SignalName, ...]
    """``[feature]`` the signal that each belongs to."""
    intercept: float
    slope: float
    name: str = PROFILE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.intercept) and math.isfinite(self.slope) and self.slope > 0):
            raise InvalidArgument("learned ranking", f"has the slope {self.slope}, intercept {self.intercept}")
        if int(self.trees.feature.max(initial=-1)) >= len(self.signals):
            raise InvalidArgument("learned ranking", "reads a feature that this release does not have")

    @property
    def scale(self) -> Scale:
        return Scale.FEATURES

    @property
    def base(self) -> float:
        """The score where no signal has data."""
        return float(self._scores(np.full((len(self.signals), 1), np.nan))[0])

    def score(self, opinions: Opinions) -> Scores:
        return np.where(self._groups(opinions).any(axis=0), self._scores(opinions), np.nan)

    def weigh(self, opinions: Opinions) -> Opinions:
        """1 for each signal that has data on the pair: trees have no weights to show."""
        return self._groups(opinions).astype(np.float64)

    def attribute(self, opinions: Opinions) -> Opinions:
        """Exact Shapley values: the mean gain of a signal over all orders in which the signals could be told.

        A signal that is not told has no data, as for an artist that it does not know.
        """
        sets = [self._scores(self._with_only(opinions, pattern)) for pattern in range(1 << len(SIGNALS))]
        shares = np.zeros((len(SIGNALS), opinions.shape[1]))
        for signal in range(len(SIGNALS)):
            for pattern in range(1 << len(SIGNALS)):
                if pattern >> signal & 1:
                    continue
                others = pattern.bit_count()
                weight = 1.0 / (len(SIGNALS) * math.comb(len(SIGNALS) - 1, others))
                shares[signal] += weight * (sets[pattern | 1 << signal] - sets[pattern])
        return np.where(self._groups(opinions).any(axis=0), shares, 0.0)

    def _scores(self, opinions: Opinions) -> Scores:
        return np.asarray(expit(self.intercept + self.slope * self.trees.margins(opinions)), dtype=np.float64)

    def _rows(self, signal: SignalName) -> list[int]:
        return [row for row, owner in enumerate(self.signals) if owner is signal]

    def _groups(self, opinions: Opinions) -> npt.NDArray[np.bool_]:
        """``[signal, item]``: the signal has data on the pair."""
        return np.stack([~np.isnan(opinions[self._rows(signal)]).all(axis=0) for signal in SIGNALS])

    def _with_only(self, opinions: Opinions, pattern: int) -> Opinions:
        """The features with those of signals that are not in ``pattern`` set to NaN; bit i is signal i."""
        kept = [pattern >> SIGNALS.index(owner) & 1 for owner in self.signals]
        return np.where(np.array(kept, dtype=bool)[:, np.newaxis], opinions, np.nan)


FORMAT = 1


class _HeaderFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``learned.json``, ``format`` aside."""

    features: tuple[str, ...]
    """Names of the features that the trees read, in order."""
    signals: tuple[SignalName, ...]
    intercept: float
    slope: float
    space: str
    """Fingerprint of the space whose audio was weighed."""
    labels_sha256: str
    date: str
    """ISO 8601."""
    held_out: str
    """What it was worth on artists left out, as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankingFile:
    """A learned ranking with where it comes from."""

    ranking: LearnedRanking
    features: tuple[str, ...]
    space: str
    labels_sha256: str
    date: str
    held_out: str

    @property
    def is_current(self) -> bool:
        """The trees read what this release measures."""
        return self.features == tuple(feature.name for feature in FEATURES)


def save_ranking(file: RankingFile, folder: Path) -> None:
    """Write ``learned.json`` and ``learned.*.npy`` into ``folder``."""
    header = _HeaderFile(
        features=file.features,
        signals=file.ranking.signals,
        intercept=file.ranking.intercept,
        slope=file.ranking.slope,
        space=file.space,
        labels_sha256=file.labels_sha256,
        date=file.date,
        held_out=file.held_out,
    )
    file.ranking.trees.save(folder, PROFILE)
    text = json.dumps(to_facts(header) | {"format": FORMAT}, indent=1, sort_keys=True)
    (folder / HEADER).write_text(text, encoding="utf-8")


def load_ranking(folder: Path) -> RankingFile:
    """Read what :func:`save_ranking` wrote. Raises InvalidArgument when a file is missing or damaged."""
    try:
        facts = take_format(json.loads((folder / HEADER).read_text(encoding="utf-8")), FORMAT)
        header = from_facts(facts, _HeaderFile)
        if len(header.features) != len(header.signals):
            raise ValueError(f"{len(header.features)} features of {len(header.signals)} signals")
        ranking = LearnedRanking(
            trees=Trees.load(folder, PROFILE),
            signals=header.signals,
            intercept=header.intercept,
            slope=header.slope,
        )
    except (OSError, ValueError, RecursionError, EOFError) as error:
        raise InvalidArgument("learned ranking", f"in {folder} cannot be read ({error}); learn it again") from error
    return RankingFile(
        ranking=ranking,
        features=header.features,
        space=header.space,
        labels_sha256=header.labels_sha256,
        date=header.date,
        held_out=header.held_out,
    )
