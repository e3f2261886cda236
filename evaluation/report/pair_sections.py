"""Report sections on chosen pairs: their similarity beside the target, and the cosines layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from evaluation.pairs import PairResult
from evaluation.report.document import Section, Table, figure, interval, signed
from evaluation.results import EvaluationRun


def pair_sections(run: EvaluationRun) -> Iterator[Section]:
    """Sections on the pairs of the run; none when the run has no pairs."""
    if not run.pairs:
        return
    for expected in dict.fromkeys(pair.expected for pair in run.pairs):
        chosen = sorted((pair for pair in run.pairs if pair.expected == expected), key=_by_value)
        yield _targets(f"Pairs expected {expected}" if expected else "Pairs", tuple(chosen))
    yield _layers(run.pairs)


def _by_value(pair: PairResult) -> float:
    return -math.inf if math.isnan(pair.value) else pair.value


def _targets(title: str, pairs: tuple[PairResult, ...]) -> Section:
    rows = [
        (
            _name(pair),
            _target(pair),
            figure(pair.before),
            figure(pair.value),
            signed(pair.change),
            interval(pair.cosine),
            figure(pair.score),
            pair.status,
        )
        for pair in pairs
    ]
    headings = ("pair", "target", "before", "now", "change", "cosine, 90 %", "all signals", "status")
    return Section(title=title, sentences=tuple(_sentences(pairs)), table=Table(headings=headings, rows=tuple(rows)))


def _sentences(pairs: tuple[PairResult, ...]) -> Iterator[str]:
    good = [_name(pair) for pair in pairs if pair.status == "in range"]
    bad = [f"{_name(pair)} ({pair.status})" for pair in pairs if pair.status.startswith("too")]
    if good:
        yield f"In range: {', '.join(good)}."
    if bad:
        yield f"Not in range: {', '.join(bad)}."


def _name(pair: PairResult) -> str:
    return f"{pair.a} / {pair.b}"


def _target(pair: PairResult) -> str:
    if math.isnan(pair.least) and math.isnan(pair.most):
        return "–"
    return f"{figure(pair.least, 2)} to {figure(pair.most, 2)}"


def _layers(pairs: tuple[PairResult, ...]) -> Section:
    """One row per pair and layer, highest cosine first: of the artists and of pairs of their tracks."""
    rows = [
        (
            _name(pair),
            layer.view,
            *map(figure, (layer.cosine, tracks.least, tracks.mean, tracks.most, tracks.nearest)),
            signed(layer.cosine - pair.before),
        )
        for pair in pairs
        for layer in sorted(pair.layers, key=lambda layer: -math.inf if math.isnan(layer.cosine) else -layer.cosine)
        for tracks in (layer.tracks,)
    ]
    headings = (
        "pair",
        "layer",
        "artists",
        "tracks, least",
        "tracks, mean",
        "tracks, most",
        "tracks, nearest",
        "minus before",
    )
    return Section(title="Pairs, layer by layer", table=Table(headings=headings, rows=tuple(rows)))
