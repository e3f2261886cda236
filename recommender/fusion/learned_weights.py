"""Weights learned from labels: the coefficients, their quality on held-out artists, and the file they are kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from recommender.errors import InvalidArgument
from recommender.fusion.profiles import LogOdds
from recommender.types import SIGNALS, SignalName

FORMAT = 1
PROFILE = "fitted"
"""What a request calls it."""

PerSignal: TypeAlias = tuple[float, float, float, float]
"""One number a signal, in the order of ``SIGNALS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScore:
    """Quality of weights on the artists of one fold, fitted on all others."""

    queries: int
    pairs: int
    log_loss: float
    """Mean over the fold's pairs, in nats; lower is better."""
    chance: float
    """The same for a constant: the mean grade of the artists fitted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedWeights:
    """Coefficients of a logistic regression on log-odds of percentiles and flags of missing opinions."""

    intercept: float
    slopes: PerSignal
    missing: PerSignal
    heard: tuple[int, int, int, int]
    """In how many pairs each signal had an opinion; without any its slope is 0, as there was nothing to learn from."""
    refused: tuple[SignalName, ...]
    """Signals whose slope came out negative: set to 0, and the others fitted again."""
    folds: tuple[FoldScore, ...]
    """Those whose other artists had grades that differ."""
    queries: int
    pairs: int

    @property
    def profile(self) -> LogOdds:
        """The profile that scores with these weights. Raises InvalidWeights when no slope is above 0."""
        return LogOdds(name=PROFILE, intercept=self.intercept, slopes=self.slopes, missing=self.missing)

    @property
    def summary(self) -> str:
        """One sentence for the reader: from how much it was learned, and what was refused."""
        learned = f"learned from {self.pairs:,} pairs of {self.queries:,} artists, {self._quality}"
        names = ", ".join(signal.value for signal in self.refused)
        return learned + (f"; left out, because it spoke against the labels: {names}" if names else "")

    @property
    def _quality(self) -> str:
        if not self.folds:
            return "not judged on others: too few artists had grades that differ"
        gains = [fold.chance - fold.log_loss for fold in self.folds]
        return f"log loss on held-out artists {sum(gains) / len(gains):.4f} below a constant's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where fitted weights come from."""

    labels_sha256: str
    """Of the file of labels."""
    date: str
    """ISO 8601, given by the caller."""
    space: str = ""
    """Fingerprint of the space of the audio signal; empty where it is not known."""


def to_json(fitted: FittedWeights, provenance: Provenance) -> str:
    """The text of a weights file, the same for the same weights."""
    data = asdict(fitted) | {"refused": [signal.value for signal in fitted.refused]}
    named = {key: dict(zip(_names(), data[key], strict=True)) for key in ("slopes", "missing", "heard")}
    return json.dumps(data | named | {"format": FORMAT, "provenance": asdict(provenance)}, indent=1, sort_keys=True)


def load(path: Path) -> tuple[FittedWeights, Provenance]:
    """Read a weights file. Raises InvalidArgument when it cannot be read or is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        fitted, provenance = _fitted(data), _provenance(data["provenance"])
    except OSError as error:
        raise InvalidArgument("weights file", f"{path} cannot be read ({error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidArgument("weights file", f"{path} holds no fitted weights ({error!r}); fit them again") from error
    _ = fitted.profile
    return fitted, provenance


def _fitted(data: dict[str, Any]) -> FittedWeights:  # Any: JSON, checked by use
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}, this release reads {FORMAT}")
    return FittedWeights(
        intercept=float(data["intercept"]),
        slopes=_per_signal(data["slopes"]),
        missing=_per_signal(data["missing"]),
        heard=_counts(data["heard"]),
        refused=tuple(SignalName(name) for name in data["refused"]),
        folds=tuple(_fold(fold) for fold in data["folds"]),
        queries=int(data["queries"]),
        pairs=int(data["pairs"]),
    )


def _per_signal(named: Mapping[str, Any]) -> PerSignal:  # Any: JSON, checked by use
    audio, scene, genre, collaboration = (float(named[name]) for name in _names())
    return audio, scene, genre, collaboration


def _counts(named: Mapping[str, Any]) -> tuple[int, int, int, int]:  # Any: JSON, checked by use
    audio, scene, genre, collaboration = (int(named[name]) for name in _names())
    return audio, scene, genre, collaboration


def _fold(data: Mapping[str, Any]) -> FoldScore:  # Any: JSON, checked by use
    return FoldScore(
        queries=int(data["queries"]),
        pairs=int(data["pairs"]),
        log_loss=float(data["log_loss"]),
        chance=float(data["chance"]),
    )


def _provenance(data: Mapping[str, Any]) -> Provenance:  # Any: JSON, checked by use
    return Provenance(labels_sha256=str(data["labels_sha256"]), date=str(data["date"]), space=str(data["space"]))


def _names() -> tuple[str, ...]:
    return tuple(signal.value for signal in SIGNALS)
