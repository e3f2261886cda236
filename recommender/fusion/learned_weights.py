"""Signal weights learned from labels: the coefficients, how well they did on held-out artists, and their file.

For the evaluation, which learns and writes them, and for a generation, which serves them as the profile ``fitted``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from recommender.errors import InvalidArgument
from recommender.fusion.profiles import LogOdds
from recommender.strict_json import from_facts, take_format, to_facts
from recommender.types import Scale, SignalName

FORMAT = 2
OLD_FORMAT = 1
"""Of weights that read percentiles: generations of earlier releases hold them."""
PROFILE = "fitted"
"""The name of the profile in a request."""

PerSignal: TypeAlias = tuple[float, float, float, float]
"""One number a signal, in the order of ``SIGNALS``."""

NumberT = TypeVar("NumberT", int, float)


class FoldScore(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How weights that were fitted on the artists of all other folds did on the artists of one fold."""

    queries: int
    pairs: int
    log_loss: float
    """Mean over the fold's pairs, in nats; lower is better."""
    chance: float
    """The same for a constant: the mean grade of the artists fitted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedWeights:
    """Coefficients of a logistic regression on the strengths of signals and on flags for signals that are NaN.

    See "Learned weights" in docs/methods.md.
    """

    intercept: float
    slopes: PerSignal
    missing: PerSignal
    """What silence is worth: from 0 to what a middling opinion of the signal is worth."""
    pairs_with_opinion: tuple[int, int, int, int]
    """In how many pairs each signal has an opinion (is not NaN); one that never has gets a slope of 0."""
    refused: tuple[SignalName, ...]
    """Signals whose slope came out negative: it is set to 0, and the others are fitted again."""
    folds: tuple[FoldScore, ...]
    """The folds that could be measured: the labels of the other artists have at least two different grades."""
    queries: int
    pairs: int
    scale: Scale = Scale.STRENGTHS
    """Percentiles in weights of an earlier release."""

    @property
    def profile(self) -> LogOdds:
        """The profile that scores with these weights. Raises InvalidWeights when no slope is above 0."""
        return LogOdds(
            name=PROFILE,
            intercept=self.intercept,
            slopes=self.slopes,
            missing=self.missing,
            scale=self.scale,
        )

    @property
    def summary(self) -> str:
        """One sentence for the reader: from how much it was learned, and which signals were left out."""
        learned = f"learned from {self.pairs:,} pairs of {self.queries:,} artists, {self._held_out}"
        names = ", ".join(signal.value for signal in self.refused)
        return learned + (f"; left out, because its slope was negative: {names}" if names else "")

    @property
    def _held_out(self) -> str:
        if not self.folds:
            return "not measured on held-out artists: too few artists had grades that differ"
        gains = [fold.chance - fold.log_loss for fold in self.folds]
        return f"log loss on held-out artists {sum(gains) / len(gains):.4f} below a constant's"


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where learned weights come from."""

    labels_sha256: str
    """Of the file of labels."""
    date: str
    """ISO 8601, given by the person or program that learned the weights."""
    space: str
    """Fingerprint of the space whose audio was weighed; empty where it is not known."""


class _BySignal(Struct, Generic[NumberT], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number a signal, by name: so that a person who reads the file sees which number belongs to which signal."""

    audio: NumberT
    scene: NumberT
    genre: NumberT
    collaboration: NumberT

    @classmethod
    def of(cls, numbers: tuple[NumberT, NumberT, NumberT, NumberT]) -> _BySignal[NumberT]:
        audio, scene, genre, collaboration = numbers
        return cls(audio=audio, scene=scene, genre=genre, collaboration=collaboration)

    @property
    def numbers(self) -> tuple[NumberT, NumberT, NumberT, NumberT]:
        """In the order of ``SIGNALS``."""
        return self.audio, self.scene, self.genre, self.collaboration


class _WeightsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a weights file, ``format`` aside."""

    intercept: float
    slopes: _BySignal[float]
    missing: _BySignal[float]
    heard: _BySignal[int]
    """``pairs_with_opinion``; a file keeps the keys of its first release."""
    refused: tuple[SignalName, ...]
    folds: tuple[FoldScore, ...]
    queries: int
    pairs: int
    provenance: Provenance


def to_json(fitted: FittedWeights, provenance: Provenance) -> str:
    """The text of a weights file, the same for the same weights."""
    file = _WeightsFile(
        intercept=fitted.intercept,
        slopes=_BySignal.of(fitted.slopes),
        missing=_BySignal.of(fitted.missing),
        heard=_BySignal.of(fitted.pairs_with_opinion),
        refused=fitted.refused,
        folds=fitted.folds,
        queries=fitted.queries,
        pairs=fitted.pairs,
        provenance=provenance,
    )
    return json.dumps(to_facts(file) | {"format": FORMAT}, indent=1, sort_keys=True)


def load(path: Path) -> tuple[FittedWeights, Provenance]:
    """Read a weights file.

    Raises:
        InvalidArgument: it cannot be read or is not a weights file.
        InvalidWeights: no slope is above 0.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        is_old = isinstance(facts, dict) and facts.get("format") == OLD_FORMAT
        file = from_facts(take_format(facts, OLD_FORMAT if is_old else FORMAT), _WeightsFile)
    except OSError as error:
        raise InvalidArgument("weights file", f"{path} cannot be read ({error})") from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgument("weights file", f"{path} holds no fitted weights ({error}); fit them again") from error
    fitted = FittedWeights(
        intercept=file.intercept,
        slopes=file.slopes.numbers,
        missing=file.missing.numbers,
        pairs_with_opinion=file.heard.numbers,
        refused=file.refused,
        folds=file.folds,
        queries=file.queries,
        pairs=file.pairs,
        scale=Scale.PERCENTILES if is_old else Scale.STRENGTHS,
    )
    _ = fitted.profile  # raises InvalidWeights
    return fitted, file.provenance
