"""The parts of a report before it is Markdown or HTML: sections of sentences, tables and plots. And number formats."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluation.measures.statistics import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text; a missing number is a dash."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture as SVG, with a caption."""

    caption: str
    svg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the report."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    plot: Plot | None = None
    is_warning: bool = False
    """Shown as a box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def figure(value: float, digits: int = 3) -> str:
    """A number with ``digits`` decimals; a dash for NaN.

    >>> figure(0.12345), figure(float("nan"))
    ('0.123', '–')
    """
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A change with its sign and three decimals; a dash for NaN.

    >>> signed(0.25), signed(-1e-9)
    ('+0.250', '+0.000')
    """
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"


def percent(value: float) -> str:
    """A share as a percentage; a dash for NaN.

    >>> percent(0.1234)
    '12.3 %'
    """
    return "–" if math.isnan(value) else f"{value * 100:.1f} %"


def interval(estimate: Estimate) -> str:
    """A mean with its interval; the mean alone where there is no interval.

    >>> interval(Estimate(mean=0.5, low=0.4, high=0.6, n=10))
    '0.500 [0.400, 0.600]'
    """
    if math.isnan(estimate.low):
        return figure(estimate.mean)
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
