"""Fits the calibration that ships for the encoder ``descriptors``, for catalogs too small to have one of their own.

    python -m benchmarks.fit_calibration FOLDER           measure it on the recordings, each artist left out in turn
    python -m benchmarks.fit_calibration FOLDER --write   the same, and make the shipped files anew

FOLDER holds openly licensed recordings and a ``manifest.csv`` with the columns file, artist, title and licence. Fitted
are only those under CC0, CC BY or a public domain mark; share-alike ones are asked about and never fitted on. The mean
and the projection come from generated clips, invented styles and recordings together. Cohort and scale come from the
recordings alone: with generated clips among them, real artists all looked alike (mean F of their pairs .69, not .5).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from benchmarks.fit_material import generated_clip
from indexer.audio.decode import choose_excerpt, decode, probe
from indexer.build.calibration.borrowed_bundle import FOLDER, save_borrowed
from indexer.build.calibration.bundle_choice import raw_bundle
from indexer.build.calibration.calibration_fit import Reference, fit, with_cohort
from indexer.build.calibration.measure_artists import measure_all
from indexer.build.calibration.split_halves import Gain, half_stats, reciprocal_ranks_of
from indexer.demo.synth import STYLES, render
from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from recommender.calibration.cohort import Bundle, CalibratedLayer, Method
from recommender.calibration.jackknife import Matrix
from recommender.calibration.mix_scale import MeasuredLayer, MixScale, measured_layers
from recommender.calibration.scores import scores_between
from recommender.types import ClipEmbeddings, Rows, Waveform

FIRST_SEED = 1000
"""Lower seeds are used by the demo and by tests."""
GENERATED, STYLE_ARTISTS = 200, 4
"""Generated clips, and artists of each invented style; these have two clips."""
SECONDS = 30.0
WHITENED = frozenset({"dynamics"})
"""Layers in which whitening helps on recordings. In the others it does not, and only the mean is subtracted."""
PLAIN = frozenset({"harmony"})
"""Layers whose other half is found less often with any calibration (-.062 [-.123, -.002] even without whitening): raw
cosines, with the scale of recorded pairs."""
FOLDS = 6
FREE = ("CC0", "CC-BY ", "CC BY ", "Public Domain")
"""How the licences begin that recordings are fitted under."""

Music = Mapping[str, ClipEmbeddings]
"""Artist -> ``[track, layer, 48]``, two tracks or more; the halves of the only one where there is just one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A row of the manifest."""

    file: str
    artist: str
    title: str
    licence: str

    @property
    def free(self) -> bool:
        """It may be fitted on."""
        return self.licence.startswith(FREE)


def recordings(folder: Path) -> list[Recording]:
    """The recordings of ``folder``, in the order of its manifest."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        names = ("file", "artist", "title", "licence")
        return [Recording(**{name: row[name] for name in names}) for row in csv.DictReader(file)]


def generated() -> Iterator[tuple[str, Waveform]]:
    """(artist, clip) of all generated music, two clips an artist."""
    for seed in range(FIRST_SEED, FIRST_SEED + GENERATED):
        for half in halves(generated_clip(seed, seconds=SECONDS, sample_rate_hz=SAMPLE_RATE_HZ)):
            yield f"generated {seed}", half
    for style in STYLES:
        for seed in range(FIRST_SEED, FIRST_SEED + 2 * STYLE_ARTISTS):
            clip = render(style, seed=seed, seconds=SECONDS, sample_rate_hz=SAMPLE_RATE_HZ)
            yield f"{style} {seed % STYLE_ARTISTS}", clip


def recorded(folder: Path, rows: Iterable[Recording]) -> Iterator[tuple[str, Waveform]]:
    """(artist, clip) of recordings; of an artist with one recording, the two halves of it."""
    chosen = list(rows)
    for row in chosen:
        path = folder / row.file
        clip = decode(path, excerpt=choose_excerpt(probe(path).duration_s), sample_rate_hz=SAMPLE_RATE_HZ)
        alone = sum(other.artist == row.artist for other in chosen) == 1
        for part in halves(clip) if alone else (clip,):
            yield row.artist, part


def halves(clip: Waveform) -> tuple[Waveform, Waveform]:
    """The first and the second half of a clip."""
    return clip[: len(clip) // 2], clip[len(clip) // 2 :]


def embed(clips: Iterable[tuple[str, Waveform]]) -> Music:
    """Embed the clips of every artist, in two processes."""
    found: dict[str, list[ClipEmbeddings]] = {}
    with Pool(2) as pool:
        for artist, vectors in pool.imap(_embed_one, clips, chunksize=4):
            found.setdefault(artist, []).append(vectors)
    return {artist: np.concatenate(found[artist]) for artist in sorted(found)}


def _embed_one(clip: tuple[str, Waveform]) -> tuple[str, ClipEmbeddings]:
    return clip[0], DescriptorEncoder().encode([clip[1]])


def reference(music: Music, layer: int) -> Reference:
    """The tracks of all artists in one layer."""
    sizes = [len(vectors) for vectors in music.values()]
    return Reference(
        ids=tuple(music),
        artist=np.repeat(np.arange(len(sizes)), sizes),
        tracks=np.concatenate([vectors[:, layer] for vectors in music.values()]),
    )


def fit_bundle(made: Music, real: Music, layer: int) -> Bundle:
    """Mean and projection of a layer from all artists, cohort and scale from the recorded ones."""
    space = DescriptorEncoder().space
    name = space.layer_names[layer]
    method = Method.RAW if name in PLAIN else Method.PIPELINE
    everyone = dict(sorted({**made, **real}.items()))
    bundle = fit(reference(everyone, layer), space=space, layer=name, method=method)
    projection = bundle.projection if name in WHITENED else None
    width = space.dim if projection is None else projection.shape[1]
    bundle = replace(
        bundle, projection=projection, cohort=np.empty((0, width)), cohort_ids=(), reference_artists=len(real)
    )
    return with_cohort(bundle, reference(real, layer), np.arange(len(real)))


def measure(made: Music, real: Music, free: frozenset[str]) -> None:
    """Print how well halves of recorded artists find each other, and how alike their pairs are said to be.

    ``free``: the artists that may be fitted on; a fold is fitted without the artists that it asks about.
    """
    names = DescriptorEncoder().space.layer_names
    raw, borrowed = np.zeros((2, len(names) + 1, len(real)))
    alike = []
    for fold in range(FOLDS):
        tested = np.random.default_rng(0).permutation(len(real))[fold::FOLDS]
        left = {list(real)[row] for row in tested}
        fitted_on = {artist: vectors for artist, vectors in real.items() if artist in free - left}
        layers = [_layer(fit_bundle(made, fitted_on, number), real, number) for number in range(len(names))]
        borrowed[:, tested] = _ranks(layers, real)[:, tested]
        alike.append(_percentiles(layers)[tested])
        plain = [_layer(raw_bundle(DescriptorEncoder().space, name), real, n) for n, name in enumerate(names)]
        raw[:, tested] = _ranks(plain, real)[:, tested]
    print(f"{len(real)} recorded artists; reciprocal rank of an artist's other half\n")
    print("| layer | raw cosine | borrowed | difference, 95 % |\n|---|---|---|---|")
    for name, before, after in zip((*names, "mean of all"), raw, borrowed, strict=True):
        gain = Gain.of(after - before)
        print(f"| {name} | {before.mean():.3f} | {after.mean():.3f} | {_interval(gain)} |")
    shares = np.concatenate(alike)
    shares = shares[~np.isnan(shares)]
    print(f"\npairs of different artists: mean F {shares.mean():.2f}, mean shown {np.mean(shares**2):.2f}")


def _interval(gain: Gain) -> str:
    """
    >>> _interval(Gain(mean=0.1, error=0.05))
    '+0.100 [+0.002, +0.198]'
    """
    return f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _layer(bundle: Bundle, real: Music, number: int) -> tuple[CalibratedLayer, Reference]:
    tracks = reference(real, number)
    owners = tracks.owners(np.arange(len(real)))
    return CalibratedLayer(bundle=bundle, artists=measure_all(bundle, tracks.tracks, owners)), tracks


def _mix(layers: list[tuple[CalibratedLayer, Reference]]) -> tuple[MeasuredLayer, ...]:
    mix = {layer.bundle.layer: 1.0 for layer, _ in layers}
    return measured_layers(mix, {layer.bundle.layer: layer for layer, _ in layers})


def _ranks(layers: list[tuple[CalibratedLayer, Reference]], real: Music) -> Matrix:
    """``[layer and mean of all, artist]``"""
    everyone: Rows = np.arange(len(real))
    scores = []
    for layer, tracks in layers:
        found = scores_between(layer.bundle, *half_stats(layer.bundle, tracks, everyone))
        quantiles = layer.bundle.quantiles
        scores.append((found - quantiles.mean()) / quantiles.std() if quantiles.size else found)
    return np.array([reciprocal_ranks_of(found) for found in (*scores, np.mean(scores, axis=0))])


def _percentiles(layers: list[tuple[CalibratedLayer, Reference]]) -> Matrix:
    """F of the mix ``[artist, artist]``; NaN for an artist with itself."""
    mixed = _mix(layers)
    z = sum(
        each.share
        * each.scale.standardise(
            scores_between(each.calibrated.bundle, each.calibrated.artists, each.calibrated.artists)
        )
        for each in mixed
    )
    shares = MixScale.of(mixed).percentile(np.asarray(z))
    np.fill_diagonal(shares, np.nan)
    return shares


def main() -> None:
    """The command line; the module docstring describes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="openly licensed recordings with their manifest.csv")
    parser.add_argument("--write", action="store_true", help="replace the shipped files")
    arguments = parser.parse_args()
    rows = recordings(arguments.folder)
    free = [row for row in rows if row.free]
    made = embed(generated())
    real = embed(recorded(arguments.folder, free))
    others = [row for row in rows if row.artist not in real]
    everyone = dict(sorted({**real, **embed(recorded(arguments.folder, others))}.items()))
    measure(made, everyone, frozenset(real))
    if arguments.write:
        names = DescriptorEncoder().space.layer_names
        bundles = {name: fit_bundle(made, real, number) for number, name in enumerate(names)}
        save_borrowed(FOLDER / "descriptors.json", bundles, provenance(free))
        print(f"wrote {FOLDER / 'descriptors.json'} and the arrays beside it")


def provenance(free: list[Recording]) -> dict[str, object]:
    """What the shipped files say about the music that they were fitted on."""
    return {
        "made_by": "benchmarks/fit_calibration.py",
        "licence": "Apache-2.0, as the product; only statistics of the recordings, no sound",
        "generated": f"benchmarks.fit_material.generated_clip: {GENERATED} clips; indexer.demo.synth.render: "
        f"{len(STYLES)} styles x {STYLE_ARTISTS} artists x 2 clips; seeds from {FIRST_SEED} on",
        "recordings": [{"artist": row.artist, "title": row.title, "licence": row.licence} for row in free],
    }


if __name__ == "__main__":
    main()
