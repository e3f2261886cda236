"""A catalog in memory that is large enough for a calibration, and its generation with and without calibration."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from indexer.build.calibration.calibration_fit import Reference, fit, measure_artists
from recommender.calibration.cohort import CalibratedLayer
from recommender.calibration.percentiles import percentiles_of
from recommender.generation.calibration import RELATIONS, Calibration
from recommender.generation.open_generation import Generation
from recommender.signals.panel import RelationSignals
from tests.factories import MadeArtist, MadeCatalog, MadeCollaboration, MadeTrack, make_generation, make_space

ARTISTS = 60
DIM = 6
LAYERS = ("low", "high")
SILENT = 6
"""Number of further artists, which have no audio."""


@cache
def plain(seed: int = 0) -> Generation:
    """Not calibrated: sixty artists with three tracks each around six sounds, and six artists that have genres only."""
    return make_generation(make_catalog(seed))


@cache
def calibrated(seed: int = 0) -> Generation:
    """The same with a calibration of every layer and percentiles of all relations."""
    return calibrate(plain(seed))


def make_catalog(seed: int) -> MadeCatalog:
    """Genre and sound agree; every third artist is in the scene, every fourth has collaborations."""
    random = np.random.default_rng(seed)
    sounds = random.normal(size=(6, len(LAYERS), DIM))
    artists = [_artist(random, number, sounds) for number in range(ARTISTS + SILENT)]
    listed = range(0, ARTISTS, 3)
    scene = {
        (_id(a), _id(b)): float(random.uniform(0.1, 1.0)) for a in listed for b in listed if a < b and a % 6 == b % 6
    }
    linked = [
        MadeCollaboration(a=_id(a), b=_id(a + 4), similarity=float(random.uniform(0.1, 0.9)), title=f"Song {a}")
        for a in range(0, ARTISTS, 4)
    ]
    return MadeCatalog(
        artists=tuple(artists),
        scene=scene,
        scene_listed=tuple(_id(a) for a in listed),
        collaborations=tuple(linked),
        space=make_space(LAYERS, dim=DIM),
    )


def calibrate(generation: Generation) -> Generation:
    """``generation`` with the calibration that a build would write."""
    relations = RelationSignals.of(generation.contents.relations)
    return replace(
        generation,
        calibration=Calibration(
            layers={layer: _layer(generation, layer) for layer in generation.tracks},
            percentiles={
                name: percentiles_of(_others(np.stack([signal.raw(row) for row in range(len(signal.known))])))
                for name, signal in zip(RELATIONS, relations.all(), strict=True)
            },
        ),
    )


def _others(opinions: np.ndarray) -> np.ndarray:
    np.fill_diagonal(opinions, np.nan)
    return opinions


def _layer(generation: Generation, layer: str) -> CalibratedLayer:
    contents = generation.contents
    embedded = np.flatnonzero(contents.artists.vector_row >= 0)
    ids = tuple(contents.artists.ids[int(row)] for row in embedded)
    tracks_with_audio = np.flatnonzero(contents.tracks.vector_row >= 0)
    owner = contents.artists.vector_row[contents.tracks.artist[tracks_with_audio]]
    tracks = generation.tracks[layer].vectors(contents.tracks.vector_row[tracks_with_audio])
    bundle = fit(Reference(ids=ids, artist=owner, tracks=tracks), space=generation.manifest.space, layer=layer)
    return CalibratedLayer(bundle=bundle, artists=measure_artists(bundle, tracks, owner, ids=ids))


def _id(number: int) -> str:
    return f"a{number:02d}"


def _artist(random: np.random.Generator, number: int, sounds: np.ndarray) -> MadeArtist:
    own = sounds[number % 6] + 0.5 * random.normal(size=sounds.shape[1:])
    tracks = [own + 0.4 * random.normal(size=own.shape) for _ in range(3)] if number < ARTISTS else []
    return MadeArtist(
        id=_id(number),
        name=f"Artist {number}",
        genres={f"genre {number % 6}": 1.0, f"other {number % 5}": 0.5},
        tracks=tuple(
            MadeTrack(
                id=f"t{number:02d}{index}",
                title=f"Track {number}.{index}",
                vectors={layer: vector.tolist() for layer, vector in zip(LAYERS, track, strict=True)},
            )
            for index, track in enumerate(tracks)
        ),
    )
