"""Gates: thresholds written before a run, and whether its figures pass them."""

from __future__ import annotations

import enum
import math
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.tabular.text_lines import read_text
from recommender.errors import BadInput

DEFAULT = Path(__file__).with_name("thresholds.toml")
"""The thresholds that are used when none are given (docs/evaluation.md)."""
_KEYS = {"figure", "above", "below", "at_least", "at_most", "null"}


class Bound(enum.Enum):
    """On which side of its threshold a figure passes."""

    ABOVE = "above"
    BELOW = "below"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Status(enum.Enum):
    """Result of one gate."""

    PASS = "PASS"  # noqa: S105  # a word, not a secret
    FAIL = "FAIL"
    NULL = "FAIL (null result)"
    """The figure is at or beyond the value that means no effect at all."""
    NO_DATA = "NO DATA"


_SIGNS = {Bound.ABOVE: ">", Bound.BELOW: "<", Bound.AT_LEAST: ">=", Bound.AT_MOST: "<="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One threshold."""

    figure: str
    """Name in :func:`evaluation.results.figures`."""
    bound: Bound
    threshold: float
    null: float = math.nan
    """Where there is no effect at all: a figure there or beyond is a null result; NaN when not stated."""

    @property
    def summary(self) -> str:
        """Such as ``span > 0.4``."""
        return f"{self.figure} {_SIGNS[self.bound]} {self.threshold:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """All gates of one file."""

    name: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate and the figure it was checked with."""

    gate: Gate
    value: float
    """NaN when the run has no such figure."""
    status: Status

    @property
    def summary(self) -> str:
        """Such as ``FAIL: span > 0.4, found 0.280``; without a figure ``NO DATA: span > 0.4``."""
        found = "" if self.status is Status.NO_DATA else f", found {self.value:.3f}"
        return f"{self.status.value}: {self.gate.summary}{found}"


def read_thresholds(path: Path = DEFAULT) -> Thresholds:
    """Read a thresholds file, TOML. Raises BadInput ``bad_thresholds`` that says which gate is wrong."""
    try:
        data = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise BadInput("bad_thresholds", f"{path}: {error}") from error
    gates = data.get("gate")
    if not isinstance(gates, list) or not gates:
        raise BadInput("bad_thresholds", f"{path} has no [[gate]]; docs/evaluation.md shows one")
    return Thresholds(
        name=str(data.get("name", path.stem)),
        gates=tuple(_gate(path, number, entry) for number, entry in enumerate(gates, start=1)),
    )


def _gate(path: Path, number: int, entry: Any) -> Gate:  # Any: TOML
    bounds = [bound for bound in Bound if isinstance(entry, dict) and bound.value in entry]
    if len(bounds) != 1 or not isinstance(entry.get("figure"), str) or set(entry) - _KEYS:
        raise BadInput(
            "bad_thresholds", f"{path}: gate {number} needs a figure and one of above, below, at_least, at_most"
        )
    threshold, null = _finite(entry[bounds[0].value]), _finite(entry.get("null", 0))
    if math.isnan(threshold + null):
        raise BadInput(
            "bad_thresholds", f"{path}: gate {number} ({entry['figure']}) needs a finite number as its bound"
        )
    return Gate(
        figure=entry["figure"], bound=bounds[0], threshold=threshold, null=null if "null" in entry else math.nan
    )


def _finite(value: Any) -> float:  # Any: TOML
    """``value`` as a float; NaN where it is not a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    return float(value) if abs(value) <= sys.float_info.max else math.nan


def check_gates(thresholds: Thresholds, figures: Mapping[str, float]) -> tuple[GateResult, ...]:
    """Check every gate with ``figures``. Raises BadInput for a gate whose figure does not exist."""
    for gate in thresholds.gates:
        if gate.figure not in figures:
            raise BadInput("bad_thresholds", f"no figure is called {gate.figure!r}; there are {', '.join(figures)}")
    values = ((gate, figures[gate.figure]) for gate in thresholds.gates)
    return tuple(GateResult(gate=gate, value=value, status=_status(gate, value)) for gate, value in values)


def _status(gate: Gate, value: float) -> Status:
    if math.isnan(value):
        return Status.NO_DATA
    passed = {
        Bound.ABOVE: value > gate.threshold,
        Bound.BELOW: value < gate.threshold,
        Bound.AT_LEAST: value >= gate.threshold,
        Bound.AT_MOST: value <= gate.threshold,
    }
    if passed[gate.bound]:
        return Status.PASS
    wants_high = gate.bound in (Bound.ABOVE, Bound.AT_LEAST)
    return Status.NULL if (value <= gate.null if wants_high else value >= gate.null) else Status.FAIL
