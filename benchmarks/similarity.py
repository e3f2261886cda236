"""Precision, hubness and scale of every calibration method, on made catalogs whose scenes and genres are known.

    python -m benchmarks.similarity [--seeds N] [--scene ARTISTS] [--json OUT]

Every method is fitted on 600 of 2,000 artists and then ranks all of them. With few artists a scene (``--scene``) it is
a quick check, not a measurement.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from benchmarks.similarity_catalog import (
    ARTISTS,
    DIM,
    GENRES,
    REGIMES,
    SCENES,
    TRACKS,
    MadeCatalog,
    Regime,
    make_catalog,
)
from evaluation.measures.hubness import hubness, nearest_others, occurrences
from indexer.build.calibration.calibration_fit import Reference, fit, measure_artists
from recommender.calibration.cohort import Bundle, Method
from recommender.calibration.scores import display, scores_between
from recommender.types import Layer, Rows, Space

SEEDS = 3
FITTED = 0.3
"""Share of the artists that the methods are fitted on."""
AT, HUB_AT = 5, 10
GAIN, MAX_SKEW, UNRELATED = 2.0, 0.6, (0.1, 0.3)
"""Bars of the pipeline: precision over that of raw, skewness of N10, median of unrelated pairs."""
JUDGED = ("A", "B")
"""Regimes with bars; the others are only shown."""
SPACE = Space(
    name="made",
    revision="1",
    licence="own",
    layers=(Layer(name="only"),),
    dim=DIM,
    sample_rate_hz=24_000,
    preprocessing="none",
    default_mix={"only": 1.0},
)
ORDER = (Method.RAW, Method.CENTRE, Method.CSLS, Method.MP, Method.PIPELINE)

Matrix: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Result of one method on one catalog."""

    precision: float
    """Share of an artist's five nearest that belong to its scene."""
    precision_unseen: float
    """The same over the artists that the method was not fitted on."""
    skew: float
    """Skewness of N10."""
    largest: float
    """Highest N10."""
    antihubs: float
    span: float
    """Highest minus lowest similarity shown."""
    unrelated: float
    """Median similarity shown for pairs of different genres."""
    same_scene: float
    """Median similarity shown for pairs of one scene."""


def measure_method(method: Method, catalog: MadeCatalog, chosen: Rows) -> Quality:
    """Fit ``method`` on the ``chosen`` artists of a catalog and measure it on all."""
    ids = catalog.ids
    bundle = fit(reference_of(catalog, chosen), space=SPACE, layer="only", method=method)
    stats = measure_artists(bundle, catalog.tracks, catalog.artist, ids=ids)
    unseen = np.ones(len(ids), dtype=bool)
    unseen[chosen] = False
    return measure_scores(bundle, scores_between(bundle, stats, stats), catalog, unseen=unseen)


def reference_of(catalog: MadeCatalog, chosen: Rows) -> Reference:
    """The ``chosen`` artists, rising, with their tracks."""
    kept = np.isin(catalog.artist, chosen)
    return Reference(
        ids=tuple(catalog.ids[row] for row in chosen),
        artist=np.searchsorted(chosen, catalog.artist[kept]),
        tracks=catalog.tracks[kept],
    )


def measure_scores(bundle: Bundle, scores: Matrix, catalog: MadeCatalog, *, unseen: npt.NDArray[np.bool_]) -> Quality:
    """Compare scores ``[artist, artist]`` with the truth. Ranks are by score; the scale is the similarity shown."""
    nearest = nearest_others(scores, k=HUB_AT)
    right = (catalog.scene[nearest[:, :AT]] == catalog.scene[:, np.newaxis]).mean(axis=1)
    hubs = hubness(occurrences(nearest, artists=len(scores)), k=HUB_AT)
    above = np.triu_indices(len(scores), k=1)
    shown = display(bundle, scores[above])
    same_scene, same_genre = (kind[above[0]] == kind[above[1]] for kind in (catalog.scene, catalog.genre))
    return Quality(
        precision=float(right.mean()),
        precision_unseen=float(right[unseen].mean()),
        skew=hubs.skewness,
        largest=float(hubs.largest),
        antihubs=hubs.antihubs,
        span=float(shown.max() - shown.min()),
        unrelated=float(np.median(shown[~same_genre])),
        same_scene=float(np.median(shown[same_scene])),
    )


def measure_regime(regime: Regime, *, seeds: int, artists_a_scene: int) -> dict[Method, list[Quality]]:
    """Every method on one catalog per seed."""
    found: dict[Method, list[Quality]] = {method: [] for method in ORDER}
    for seed in range(seeds):
        catalog = make_catalog(regime, seed=seed, artists_a_scene=artists_a_scene)
        artists = len(catalog.scene)
        fitted = round(FITTED * artists)
        drawn = np.random.default_rng((seed, fitted)).permutation(artists)[:fitted]
        for method in ORDER:
            found[method].append(measure_method(method, catalog, np.sort(drawn)))
    return found


def over_seeds(results: list[Quality], name: str) -> tuple[float, float]:
    """Mean and population standard deviation of one figure over the seeds."""
    figures = [float(getattr(result, name)) for result in results]
    return float(np.mean(figures)), float(np.std(figures))


def table(found: dict[str, dict[Method, list[Quality]]]) -> str:
    """The results as a markdown table: mean ± standard deviation over the seeds."""
    return "\n".join([*_head(), *(_row(name, *each) for name, methods in found.items() for each in methods.items())])


def _head() -> Iterator[str]:
    titles = ("precision@5", "of unseen artists", "N10 skew", "largest N10", "antihubs", "span", "unrelated median")
    yield " | ".join(("| regime", "method", *titles, "same scene median |"))
    yield "|---|---" + "|---:" * (len(titles) + 1) + "|"


def _row(regime: str, method: Method, results: list[Quality]) -> str:
    cells = []
    for field in fields(Quality):
        mean, sd = over_seeds(results, field.name)
        cells.append(f"{mean:.0f} ± {sd:.0f}" if field.name == "largest" else f"{mean:.3f} ± {sd:.3f}")
    return " | ".join((f"| {regime}", method.value, *cells)) + " |"


def bars_of(found: dict[str, dict[Method, list[Quality]]]) -> list[Bar]:
    """A bar must hold for every seed, so the worst of them is held against it."""
    bars = []
    for name in JUDGED:
        methods = found[name]
        raw, ours = methods[Method.RAW], methods[Method.PIPELINE]
        gain = min(b.precision / a.precision for a, b in zip(raw, ours, strict=True))
        unrelated = [each.unrelated for each in ours]
        bars += [
            Bar(name=f"{name}: precision@5 over that of raw cosines, lowest", value=gain, threshold=GAIN),
            Bar(
                name=f"{name}: N10 skew, highest",
                value=max(one.skew for one in ours),
                threshold=MAX_SKEW,
                at_least=False,
            ),
            Bar(name=f"{name}: unrelated median, lowest", value=min(unrelated), threshold=UNRELATED[0]),
            Bar(
                name=f"{name}: unrelated median, highest", value=max(unrelated), threshold=UNRELATED[1], at_least=False
            ),
        ]
    return bars


def notes(found: dict[str, dict[Method, list[Quality]]], *, artists: int, seconds: float) -> list[str]:
    """What a reader must know to judge the table."""
    seeds = len(next(iter(found["A"].values())))
    return [
        f"{seeds} seed(s) a regime, {artists:,} artists of {TRACKS} tracks, fitted on {FITTED * artists:.0f} and "
        f"measured on all; {seconds:.0f} s. "
        "Mean and standard deviation over seeds; a bar counts as reached when every seed reaches it.",
        "A: signal in all of 64 latent directions alike. B: signal in main components 5 to 28 of 200, the four largest "
        "are nuisance. Hubs are planted: some artists are mostly what all music shares.",
        "C has no bar. What matters already lies in the largest components, under noise as wide as itself in all of "
        "200: equal weight for 128 directions then costs as much as it brings. Compare methods on your own catalog.",
        "A first draft missed the bars: its B was about what is now C, because its nuisance was not in the largest "
        "components as described, and its A, with a flatter spectrum (variance 1 / i), gained 1.77 times.",
        "Free parameters of A and B were set so that raw, centring and removed main components score as in the first "
        "simulation (docs/methods.md, Calibration), not by whitening or the pipeline, which scores higher here than "
        "there (.893, .879).",
        "Made-up tracks of all artists share one kind of noise, which is what within-artist whitening learns. "
        "On real low-level features (GTZAN) the gain was 3 points of precision, not 40.",
        "Ranks are by score, span and medians by the similarity shown. CSLS and MP use the pipeline's cohort.",
    ]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the calibration methods on catalogs of known truth.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"catalogs per regime [default: {SEEDS}]")
    parser.add_argument("--scene", type=int, default=ARTISTS, help=f"artists per scene [default: {ARTISTS}]")
    add_json_option(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    options = parse(arguments)
    started = time.monotonic()
    artists = GENRES * SCENES * options.scene
    found = {
        regime.name: measure_regime(regime, seeds=options.seeds, artists_a_scene=options.scene) for regime in REGIMES
    }
    explained = notes(found, artists=artists, seconds=time.monotonic() - started)
    result = Measurement(
        title="Calibrated similarity on catalogs of known truth",
        command="python -m benchmarks.similarity",
        machine=machine("numpy"),
        table_markdown=table(found),
        notes=tuple(explained),
        bars=tuple(bars_of(found)),
        figures={
            f"{name}: {method.value}": over_seeds(results, "precision")[0]
            for name, methods in found.items()
            for method, results in methods.items()
        },
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
