"""Made catalogs of track vectors with known scenes and planted hubs, in three regimes.

20 genres of 5 scenes of 20 artists, 5 tracks an artist, 768 dimensions (made sets A and B of docs/methods.md). The
vector of an artist is genre + scene + its own direction, times its distinctness. An artist with low distinctness is
mostly the direction that all music shares, so it is near every other artist: a planted hub. Tracks spread around
their artist, with a different width for each artist.

Regime A: the signal is spread evenly over all 64 latent directions, whatever their variance. This favours whitening.
Regime B: the signal lies in main components 5 to 28 of 200; 1 to 4, the largest, are nuisance. This punishes
whitening without labels, and removing too few components. Regime C: the signal already lies in the largest
components, and wide noise that is unrelated to artists fills all others. It shows where the pipeline gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from recommender.types import Rows, Vectors

Matrix: TypeAlias = npt.NDArray[np.float64]

GENRES = 20
SCENES = 5
"""Scenes per genre."""
ARTISTS = 20
"""Artists per scene."""
TRACKS = 5
"""Tracks per artist."""
OWN = 0.75
"""Length of an artist's own direction, relative to that of a scene or a genre."""
DIM = 768
NUISANCE_OF_ARTIST = 0.2
"""Share of the nuisance's variance that an artist keeps from track to track (one studio, one engineer)."""
FLOOR = 0.02
"""Standard deviation of the noise in each of the 768 dimensions, so that no direction is empty."""
INDISTINCT = 0.3
"""Standard deviation of the logarithm of an artist's distinctness."""
TRACK_SPREAD = 0.15
"""Standard deviation of the logarithm of the width of an artist's tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """The directions and strengths of signal, nuisance and noise.

    Exponents, levels and the artist's own share were set so that three label-free methods reach about the precision@5
    of the first simulation in A and B: raw .429 and .299, centre .492 and .348, main components removed (2: .547 in A,
    8: .839 in B). Whitening and the pipeline had no part in the choice; the result of a first draft is in the notes of
    ``benchmarks/similarity.py``.
    """

    name: str
    scales: Matrix
    """``[direction]`` standard deviation of each latent direction, falling."""
    signal: slice
    """The directions in which genre, scene and artist differ."""
    nuisance: slice
    """The directions of production (studio, loudness), unrelated to the kind of music."""
    shared: float
    """Length of the direction that all tracks share."""
    noise: float
    """Share of the variance in the signal's directions that differs between tracks of one artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCatalog:
    """Track vectors, and the true scene and genre of their artists."""

    tracks: Vectors
    """``[track, dim]``, artist by artist."""
    artist: Rows
    """``[track]``."""
    scene: Rows
    """``[artist]``."""
    genre: Rows
    """``[artist]``."""

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{row:05d}" for row in range(len(self.scene)))


def power_law(directions: int, *, exponent: float) -> Matrix:
    """Standard deviations ``i^-exponent``."""
    return np.asarray(np.arange(1.0, directions + 1.0) ** -exponent)


REGIMES = (
    Regime(
        name="A",
        scales=np.concatenate([power_law(64, exponent=0.75), np.full(8, 0.25)]),
        signal=slice(0, 64),
        nuisance=slice(64, 72),
        shared=1.75,
        noise=0.6,
    ),
    Regime(
        name="B",
        scales=power_law(200, exponent=0.8),
        signal=slice(4, 28),
        nuisance=slice(0, 4),
        shared=2.3,
        noise=0.25,
    ),
    Regime(
        name="C",
        scales=power_law(200, exponent=0.5) * np.repeat([0.3, 1.1, 1.0], [4, 24, 172]),
        signal=slice(4, 28),
        nuisance=slice(0, 4),
        shared=2.9,
        noise=0.75,
    ),
)
"""A: 64 latent directions, all with signal, and 8 of nuisance. B: 200, the first 4 nuisance, the next 24 signal. C: as
B, but the nuisance is small, and three quarters of the variance in the signal's directions is noise."""


def make_catalog(regime: Regime, *, seed: int, artists_a_scene: int = ARTISTS) -> MadeCatalog:
    """Make a catalog; the same seed makes the same."""
    rng = np.random.default_rng(seed)
    scene = rng.permutation(np.repeat(np.arange(GENRES * SCENES), artists_a_scene))
    genre = scene // SCENES
    number, directions = len(scene), len(regime.scales)
    place = _draw(rng, GENRES, regime)[genre] + _draw(rng, GENRES * SCENES, regime)[scene]
    place += OWN * _draw(rng, number, regime)
    distinct = np.exp(INDISTINCT * rng.normal(size=(number, 1)))
    spread = np.exp(TRACK_SPREAD * rng.normal(size=(number, 1, 1)))
    latent = (distinct * place)[:, np.newaxis] + _noise(rng, number, regime) * spread
    latent[:, :, regime.nuisance] = _nuisance(rng, number, regime)
    frame = np.linalg.qr(rng.normal(size=(DIM, directions + 1)))[0]
    vectors = (latent * regime.scales).reshape(number * TRACKS, directions) @ frame[:, :-1].T
    vectors += regime.shared * frame[:, -1] + FLOOR * rng.normal(size=vectors.shape)
    return MadeCatalog(
        tracks=vectors.astype(np.float32),
        artist=np.repeat(np.arange(number), TRACKS),
        scene=scene,
        genre=genre,
    )


def _draw(rng: np.random.Generator, number: int, regime: Regime) -> Matrix:
    """``number`` random vectors ``[number, direction]``, in the directions of the signal only."""
    drawn = np.zeros((number, len(regime.scales)))
    drawn[:, regime.signal] = rng.normal(size=drawn[:, regime.signal].shape)
    return np.asarray(drawn * np.sqrt((1.0 - regime.noise) / (2.0 + OWN**2)))


def _noise(rng: np.random.Generator, artists: int, regime: Regime) -> Matrix:
    """Difference between tracks of one artist, ``[artist, track, direction]``, and all that is outside the signal."""
    level = np.ones(len(regime.scales))
    level[regime.signal] = np.sqrt(regime.noise)
    return np.asarray(level * rng.normal(size=(artists, TRACKS, len(level))))


def _nuisance(rng: np.random.Generator, artists: int, regime: Regime) -> Matrix:
    width = len(regime.scales[regime.nuisance])
    kept = np.sqrt(NUISANCE_OF_ARTIST) * rng.normal(size=(artists, 1, width))
    return np.asarray(kept + np.sqrt(1.0 - NUISANCE_OF_ARTIST) * rng.normal(size=(artists, TRACKS, width)))
