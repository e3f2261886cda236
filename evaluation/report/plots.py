"""Plots of a report as SVG, drawn without a display. The same numbers give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.measures.distribution import Histogram
from evaluation.measures.kinship_probability import Reliability
from evaluation.results import Comparison

BLUE, ORANGE, GREY = "#2b6cb0", "#dd6b20", "#718096"
_SETTINGS: dict[Any, Any] = {  # Any: matplotlib types its keys one by one
    "svg.hashsalt": "soundkin",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.usetex": False,
    "text.parse_math": False,
}


@contextmanager
def _drawing(width: float, height: float) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes of ``width`` by ``height`` inches, and a file that contains the SVG after the block."""
    file = io.BytesIO()
    with mpl.rc_context(_SETTINGS):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(drawn)
        yield drawn.subplots(), file
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def pair_histogram(found: Histogram) -> bytes:
    """Histogram of the cosines of related and unrelated pairs, as shares of the pairs of each kind."""
    edges = np.array(found.edges)
    with _drawing(6.0, 3.0) as (axes, file):
        for counts, colour, label in (
            (found.unrelated, GREY, "not listed"),
            (found.related, ORANGE, "listed as related"),
        ):
            heights = np.array(counts) / max(sum(counts), 1)
            axes.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=colour, alpha=0.6, label=label)
        axes.set_xlabel("cosine")
        axes.set_ylabel("share of pairs")
        axes.legend(frameon=False)
    return file.getvalue()


def occurrence_histogram(counts: Sequence[int], k: int) -> bytes:
    """Bar chart of the number of artists that are in the first k of 0, 1, 2 … others."""
    with _drawing(6.0, 2.6) as (axes, file):
        axes.bar(np.arange(len(counts)), counts, color=BLUE, width=0.9)
        axes.set_xlabel(f"N_k: number of others that have the artist in their first {k}")
        axes.set_ylabel("artists")
    return file.getvalue()


def difference_plot(comparisons: Sequence[Comparison], measure: str) -> bytes:
    """Mean difference of each system from the baseline, with its interval."""
    means = np.array([each.difference.difference.mean for each in comparisons])
    lows, highs = (
        np.array([getattr(each.difference.difference, end) for each in comparisons]) for end in ("low", "high")
    )
    positions = np.arange(len(comparisons))[::-1]
    reach = np.nan_to_num(np.stack([means - lows, highs - means]), nan=0.0).clip(min=0.0)
    with _drawing(6.0, 0.8 + 0.28 * len(comparisons)) as (axes, file):
        axes.errorbar(means, positions, xerr=reach, fmt="o", color=BLUE, capsize=3, markersize=4)
        axes.axvline(0.0, color=GREY, linewidth=0.8)
        axes.set_yticks(positions, [each.system for each in comparisons])
        axes.set_xlabel(f"difference in {measure}, 95 %")
    return file.getvalue()


def paired_plot(differences: Sequence[float], label: str) -> bytes:
    """One bar per query, sorted: the differences of one system from the baseline."""
    ordered = np.sort(np.array([value for value in differences if not np.isnan(value)]))[::-1]
    with _drawing(6.0, 2.6) as (axes, file):
        axes.bar(np.arange(len(ordered)), ordered, color=np.where(ordered >= 0, BLUE, ORANGE), width=1.0)
        axes.axhline(0.0, color=GREY, linewidth=0.8)
        axes.set_xlabel("queries, sorted")
        axes.set_ylabel(label)
    return file.getvalue()


def reliability_plot(found: Reliability) -> bytes:
    """Observed share against predicted probability; on the diagonal they are equal."""
    with _drawing(3.6, 3.4) as (axes, file):
        axes.plot((0.0, 1.0), (0.0, 1.0), color=GREY, linewidth=0.8)
        axes.plot(*zip(*((each.predicted, each.observed) for each in found.bins), strict=True), "o-", color=BLUE)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share of pairs that the truth lists")
    return file.getvalue()
