"""Ranking quality of every way to fuse the four signals, on made catalogs with the missing data of real ones.

    python -m benchmarks.blend [--seeds N] [--scene ARTISTS] [--json OUT]

500 of 1,200 artists are labelled and ``fitted`` is learned from them; the others are the queries. Every artist is a
candidate.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import logit

from benchmarks.blend_catalog import ARTISTS_A_SCENE, AS_DESCRIBED, SETTINGS, Matrix, World, make_world
from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from benchmarks.similarity import SPACE, reference_of
from evaluation.fit_weights import fit
from evaluation.measures.statistics import RESAMPLES, estimate
from indexer.build.calibration.calibration_fit import fit as fit_bundle
from indexer.build.calibration.calibration_fit import measure_artists
from indexer.build.scene_walk import scene_walk
from recommender.calibration.cohort import ArtistStats, Bundle, CalibratedLayer, Method
from recommender.calibration.mix_scale import MixScale, measured_layers
from recommender.calibration.percentiles import percentile, percentiles_of
from recommender.calibration.scores import display, scores_between
from recommender.calibration.scores import percentile as audio_percentile
from recommender.fusion.profiles import BASE, PROFILES, LogOdds, WeightProfile, find_profile
from recommender.signals.scene import HALF
from recommender.types import Rows, Scale

SEEDS = 3
LABELLED = 500 / 1200
"""Share of artists whose grades are known when weights are fitted."""
FITTED = 600
"""Artists that the calibration of audio is fitted on, at most."""
AT = 10
"""Places that NDCG reads."""
SINGLE = ("audio, raw cosine", "audio, calibrated", "scene, listed", "scene, walked", "genre", "collaboration")
SEED, SEED_CALIBRATED, BEFORE, EVIDENCE, FITTED_WEIGHTS = (
    "seed", "seed, calibrated audio", "evidence on percentiles", "evidence", "fitted"
)  # fmt: skip
MUST_BEAT = (SINGLE[1], SINGLE[3], SEED, BEFORE)
"""What ``evidence`` must beat in every world; the last is what it was before strengths."""
BEFORE_PROFILE = LogOdds(
    name=BEFORE, intercept=float(logit(BASE)), slopes=(0.3, 0.3, 0.2, 0.2), scale=Scale.PERCENTILES
)
"""The default of release 0.1.0: log-odds of percentiles, the listings as the scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """Result of one method on one catalog, ``[query]``."""

    ndcg: npt.NDArray[np.float64]
    unmapped: npt.NDArray[np.float64]
    """Share of the recommended artists on which the scene signal has no opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogResult:
    """The queries of one catalog, and the result of every method."""

    niche: npt.NDArray[np.bool_]
    """``[query]``: the query artist belongs to the less popular half."""
    off_map: npt.NDArray[np.bool_]
    """``[query]``: the scene map does not know the query artist."""
    answers: Mapping[str, MethodResult]
    learned: str
    """Summary of the fit of ``fitted``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMatrices:
    """Opinions of the four signals on all pairs of one catalog, ``[signal, artist, artist]``."""

    raw: Matrix
    calibrated: Matrix
    """Like ``raw``, but with the calibrated audio similarity."""
    percentiles: Matrix
    """Of the scene's listings, as before the walk."""
    strengths: Matrix
    """What the default reads, the scene walked."""


def signal_matrices(world: World) -> SignalMatrices:
    """Opinions of the signals on every pair. Audio is calibrated on up to 600 artists with audio, as in the product."""
    cosines, _, _ = _audio(world, Method.RAW)
    scores, bundle, stats = _audio(world, Method.PIPELINE)
    others = (world.scene, world.genre, world.collaboration)
    pairs = np.triu_indices(len(cosines), k=1)
    ranks = [percentile(percentiles_of(each[pairs]), each) for each in others]
    return SignalMatrices(
        raw=np.stack([np.clip(cosines, 0.0, 1.0), *others]),
        calibrated=np.stack([display(bundle, scores), *others]),
        percentiles=np.stack([audio_percentile(bundle, scores), *ranks]),
        strengths=np.stack(
            [_audio_strengths(scores, bundle, stats), walk_strengths(world.scene), world.genre, world.collaboration]
        ),
    )


def _audio_strengths(scores: Matrix, bundle: Bundle, stats: ArtistStats) -> Matrix:
    layers = measured_layers({"only": 1.0}, {"only": CalibratedLayer(bundle=bundle, artists=stats)})
    return MixScale.of(layers).strength(layers[0].scale.standardise(scores))


def walk_strengths(scene: Matrix) -> Matrix:
    """Strengths of the walk over listings ``[artist, artist]``; NaN where neither a listing nor the walk says anything.

    The strengths of the listings are the weights of its steps, as for a source without ranks.
    """
    listed = np.nan_to_num(scene, nan=0.0)
    np.fill_diagonal(listed, 0.0)
    walked = scene_walk(csr_array(listed / max(listed.max(), 1e-12))).toarray().astype(np.float64)
    strengths = np.log1p(walked / HALF)
    return np.where((walked > 0) | ~np.isnan(scene), strengths, np.nan)


def _audio(world: World, method: Method) -> tuple[Matrix, Bundle, ArtistStats]:
    """Scores ``[artist, artist]``, NaN where either has no audio, their bundle, and the measured artists."""
    able = np.flatnonzero(world.recorded)
    chosen = np.sort(np.random.default_rng(0).permutation(able)[:FITTED])
    bundle = fit_bundle(reference_of(world.music, chosen), space=SPACE, layer="only", method=method)
    stats = measure_artists(bundle, world.music.tracks, world.music.artist, ids=world.music.ids)
    scores = scores_between(bundle, stats, stats)
    scores[~world.recorded] = np.nan
    scores[:, ~world.recorded] = np.nan
    return scores, bundle, stats


def measure_catalog(world: World, *, seed: int) -> CatalogResult:
    """Learn ``fitted`` from some artists, and measure every method on the others as queries."""
    signals, grades = signal_matrices(world), world.grades
    number = len(grades)
    order = np.random.default_rng((seed, 700)).permutation(number)
    labelled, queries = np.split(order, [round(LABELLED * number)])
    learned = fit(*_training_pairs(signals.strengths, grades, np.sort(labelled)))
    methods = _methods(signals, queries, learned.profile)
    return CatalogResult(
        niche=world.popularity[queries] <= 0.5,
        off_map=~world.mapped[queries],
        answers={name: _measure_method(scores, world.scene, grades, queries) for name, scores in methods.items()},
        learned=learned.summary,
    )


def _training_pairs(strengths: Matrix, grades: Matrix, labelled: Rows) -> tuple[Matrix, Matrix, Rows]:
    """Strengths, grades and query rows of every ordered pair of labelled artists."""
    one, other = (side[~np.eye(len(labelled), dtype=bool)] for side in np.meshgrid(labelled, labelled, indexing="ij"))
    return strengths[:, one, other].T, grades[one, other], one


def _methods(signals: SignalMatrices, queries: Rows, fitted: LogOdds) -> dict[str, Matrix]:
    """Method -> scores ``[query, artist]``."""
    seed, evidence = (find_profile(name, PROFILES) for name in ("seed", "evidence"))
    alone = (signals.raw[0], signals.percentiles[0], signals.raw[1], signals.strengths[1], *signals.raw[2:])
    return {name: scores[queries] for name, scores in zip(SINGLE, alone, strict=True)} | {
        SEED: _score(seed, signals.raw[:, queries]),
        SEED_CALIBRATED: _score(seed, signals.calibrated[:, queries]),
        BEFORE: _score(BEFORE_PROFILE, signals.percentiles[:, queries]),
        EVIDENCE: _score(evidence, signals.strengths[:, queries]),
        FITTED_WEIGHTS: _score(fitted, signals.strengths[:, queries]),
    }


def _score(profile: WeightProfile, opinions: Matrix) -> Matrix:
    return np.stack([profile.score(opinions[:, query]) for query in range(opinions.shape[1])])


def _measure_method(scores: Matrix, scene: Matrix, grades: Matrix, queries: Rows) -> MethodResult:
    """Measure the best ten of all artists but the query itself; ties go by row, which is unrelated to the truth."""
    scores[np.arange(len(queries)), queries] = np.nan
    best = top(scores, n=AT)
    unmapped = np.isnan(np.take_along_axis(scene[queries], np.maximum(best, 0), axis=1)) & (best >= 0)
    return MethodResult(
        ndcg=ndcg(best, grades[queries]),
        unmapped=unmapped.sum(axis=1) / np.maximum((best >= 0).sum(axis=1), 1),
    )


def top(scores: Matrix, *, n: int) -> npt.NDArray[np.int64]:
    """The best ``n`` of each row, best first, ties by column; -1 where fewer have a score."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    best[np.isnan(np.take_along_axis(scores, best, axis=1))] = -1
    return best


def ndcg(best: npt.NDArray[np.int64], grades: Matrix) -> npt.NDArray[np.float64]:
    """NDCG ``[query]`` of ranked answers ``[query, place]``, linear gains as in trec_eval; an empty place gains 0."""
    discounts = 1.0 / np.log2(np.arange(best.shape[1]) + 2.0)
    gains = np.where(best >= 0, np.take_along_axis(grades, np.maximum(best, 0), axis=1), 0.0)
    ideal = -np.sort(-grades, axis=1)[:, : best.shape[1]]
    return np.asarray((gains @ discounts) / (ideal @ discounts))


def pooled(found: list[CatalogResult], name: str, figure: str = "ndcg") -> npt.NDArray[np.float64]:
    """One figure of one method over the queries of all catalogs."""
    return np.concatenate([getattr(each.answers[name], figure) for each in found])


def table(found: Mapping[str, list[CatalogResult]]) -> str:
    """The results as a markdown table, one row per setting and method."""
    return "\n".join([*_head(), *(line for name, results in found.items() for line in _lines(name, results))])


def _head() -> Iterator[str]:
    yield "| world | blend | NDCG@10 | 95 % | by catalog | niche | off the map | shown without scene data |"
    yield "|---|---|---:|---|---|---:|---:|---:|"


def _lines(setting: str, found: list[CatalogResult]) -> Iterator[str]:
    niche, off_map = (np.concatenate([getattr(each, name) for each in found]) for name in ("niche", "off_map"))
    for name in found[0].answers:
        figures = pooled(found, name)
        mean = estimate(figures)
        means = ", ".join(f"{each.answers[name].ndcg.mean():.3f}" for each in found)
        figure = f"{mean.mean:.3f} | {mean.low:.3f} to {mean.high:.3f} | {means}"
        sides = f"{figures[niche].mean():.3f} | {figures[off_map].mean():.3f}"
        yield f"| {setting} | {name} | {figure} | {sides} | {pooled(found, name, 'unmapped').mean():.2f} |"


def bars_of(found: Mapping[str, list[CatalogResult]]) -> list[Bar]:
    """``evidence`` beats each rival in each world: lower end of the interval over queries, and the lowest catalog."""
    bars = []
    for name, results in found.items():
        for rival in MUST_BEAT:
            gain = estimate(pooled(results, EVIDENCE) - pooled(results, rival))
            lowest = min(float((each.answers[EVIDENCE].ndcg - each.answers[rival].ndcg).mean()) for each in results)
            world = f"{name}: {EVIDENCE} over {rival}"
            bars.append(Bar(name=f"{world}, {gain.mean:+.3f}, lower end", value=gain.low, threshold=1e-9))
            bars.append(Bar(name=f"{world}, lowest catalog", value=lowest, threshold=1e-9))
    return bars


def notes(found: Mapping[str, list[CatalogResult]], *, artists: int, seconds: float) -> list[str]:
    """What a reader must know to judge the table."""
    described = found[AS_DESCRIBED.name]
    queries = sum(len(each.niche) for each in described)
    off_map = float(np.mean(np.concatenate([each.off_map for each in described])))
    return [
        "The second world is the first draft: audio alone is nearly right there, and the map is poor. It was then the "
        "one where the blend of percentiles did not beat audio.",
        f"{len(described)} catalog(s) a world, {artists:,} artists, {queries:,} queries, none of them "
        f"among the labelled artists; {seconds:.0f} s. Intervals: BCa bootstrap over queries, {RESAMPLES:,} draws; "
        "they do not cover the draw of a catalog, so the means of each are shown.",
        *(f"Catalog {place}: fitted {each.learned}." for place, each in enumerate(described)),
        f"Shown without scene data: {off_map:.2f} is the lowest possible value, because the map does not know that "
        "share of the query artists. Niche: queries of the less popular half.",
        "A signal alone ranks only the artists on which it has an opinion; a query without one has NDCG 0.",
    ]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the ways to fuse four signals when data are missing.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"catalogs [default: {SEEDS}]")
    parser.add_argument(
        "--scene", type=int, default=ARTISTS_A_SCENE, help=f"artists per scene [default: {ARTISTS_A_SCENE}]"
    )
    add_json_option(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    options = parse(arguments)
    started = time.monotonic()
    found = {
        setting.name: [
            measure_catalog(make_world(setting, seed=seed, artists_a_scene=options.scene), seed=seed)
            for seed in range(options.seeds)
        ]
        for setting in SETTINGS
    }
    explained = notes(found, artists=100 * options.scene, seconds=time.monotonic() - started)
    result = Measurement(
        title="Four signals fused, with the missing data of real catalogs",
        command="python -m benchmarks.blend",
        machine=machine("numpy"),
        table_markdown=table(found),
        notes=tuple(explained),
        bars=tuple(bars_of(found)),
        figures={
            f"{name}: {method}": float(pooled(results, method).mean())
            for name, results in found.items()
            for method in results[0].answers
        },
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
