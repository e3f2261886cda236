"""Made catalogs with all four signals and the missing data of real ones: less is known of less popular artists.

1,200 artists, a scene map of popular artists only, genre tags for 80 %, collaborations for 50 to 90 %, audio for 92 %
(docs/methods.md, "Fusion"). Music, scenes and genres are those of ``benchmarks/similarity_catalog.py`` (regime A);
popularity is independent of them. The truth: grade 3 for an artist of the same scene, 1 for one of the same genre.

Each signal is that of the product, on data drawn here. The free parameters of audio and of the map were set so that
each of the two alone scores as in the first simulation; those of genre and collaboration were set to usual values. No
fused ranking had a part in the choice. A first draft, with better audio and a worse map, is kept as a second setting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from benchmarks.similarity_catalog import (
    GENRES,
    REGIMES,
    SCENES,
    MadeCatalog,
    Regime,
    make_catalog,
    power_law,
)
from recommender.signals import collaboration
from recommender.signals.base import Signal
from recommender.signals.collaboration import CollaborationSignal
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal

ARTISTS_A_SCENE = 12
MAPPED = 0.6
"""Share of the artists that the scene map knows."""
LISTED = 20
"""Artists in a list of the map."""
PULL_OF_POPULARITY = 1.0
"""Log of the chance to be listed of the most popular artist, minus that of the least popular."""
TAGGED = (0.6, 1.0)
"""Probability of genre tags for the least and the most popular artist."""
RIGHT_GENRE, RIGHT_SUBGENRE, WRONG_TAG = 0.9, 0.6, 0.5
"""Probability of the genre's tag; of the scene's subgenre tag instead of any of the genre; of a wrong tag."""
COLLABORATES = (0.5, 0.9)
PARTNERS = 3.0
"""Mean number of partners of an artist, beyond the first."""
PARTNER_OF_SCENE, PARTNER_OF_GENRE = 0.5, 0.25
"""Share of the partners from the scene, and from the genre."""
RECORDED = 0.92
SCENE_GRADE, GENRE_GRADE = 3.0, 1.0

Matrix: TypeAlias = npt.NDArray[np.float64]
"""``[artist, artist]``, or ``[signal, artist, artist]``; NaN means no opinion."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""``[artist]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The quality of audio and of the scene map."""

    name: str
    music: Regime
    pull_of_scene: float
    """Addition to the log of the chance to be listed, for artists of the same scene."""
    pull_of_genre: float
    map_edge: float
    """Standard deviation of the noise on popularity when the map chooses its artists, in shares of the catalog."""


_A = REGIMES[0]
AS_DESCRIBED = Setting(
    name="as described",
    music=replace(_A, scales=np.concatenate([power_law(64, exponent=0.63), _A.scales[64:]]), noise=0.68, shared=1.4),
    pull_of_scene=10.0,
    pull_of_genre=6.0,
    map_edge=0.2,
)
"""NDCG@10 of one signal alone near the first simulation: audio .372 raw and .761 calibrated, map .477 (.248 niche)."""

STRONG_AUDIO = Setting(name="strong audio, poor map", music=_A, pull_of_scene=5.0, pull_of_genre=3.0, map_edge=0.1)
"""The first draft: the music of ``benchmarks/similarity.py``, and a map whose lists are one third unrelated artists."""

SETTINGS = (AS_DESCRIBED, STRONG_AUDIO)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A made catalog: the truth, the coverage of each source, and the opinions of the three signals beside audio."""

    music: MadeCatalog
    popularity: npt.NDArray[np.float64]
    """``[artist]`` in (0, 1]: share of the artists that are at most as popular."""
    mapped: Flags
    """The scene map knows the artist."""
    recorded: Flags
    """The artist has audio."""
    scene: Matrix
    genre: Matrix
    collaboration: Matrix

    @property
    def grades(self) -> Matrix:
        """``[artist, artist]`` grades of the truth; 0 for an artist with itself."""
        same_scene, same_genre = (kind[:, np.newaxis] == kind for kind in (self.music.scene, self.music.genre))
        grades = np.where(same_scene, SCENE_GRADE, np.where(same_genre, GENRE_GRADE, 0.0))
        np.fill_diagonal(grades, 0.0)
        return grades


def make_world(setting: Setting, *, seed: int, artists_a_scene: int = ARTISTS_A_SCENE) -> World:
    """Make a catalog and its data. The same seed makes the same catalog."""
    music = make_catalog(setting.music, seed=seed, artists_a_scene=artists_a_scene)
    rng = np.random.default_rng((seed, 25))
    number = len(music.scene)
    popularity = (rng.permutation(number) + 1) / number
    edge = popularity + setting.map_edge * rng.normal(size=number)
    mapped = edge > np.quantile(edge, 1.0 - MAPPED)
    return World(
        music=music,
        popularity=popularity,
        mapped=mapped,
        recorded=rng.random(number) < RECORDED,
        scene=_opinions(_scene_map(_pulls(rng, setting, music, popularity), mapped)),
        genre=_opinions(_tags(rng, music, _among(rng, popularity, TAGGED))),
        collaboration=_opinions(_collaborations(rng, music, _among(rng, popularity, COLLABORATES))),
    )


def _among(rng: np.random.Generator, popularity: npt.NDArray[np.float64], chances: tuple[float, float]) -> Flags:
    """Which artists are covered, with a probability that rises with popularity from the first to the second."""
    return np.asarray(rng.random(len(popularity)) < chances[0] + (chances[1] - chances[0]) * popularity)


def _opinions(signal: Signal) -> Matrix:
    """Values of a signal for every pair."""
    return np.stack([signal.value(signal.raw(row)) for row in range(len(signal.known))])


def _pulls(
    rng: np.random.Generator, setting: Setting, music: MadeCatalog, popularity: npt.NDArray[np.float64]
) -> Matrix:
    """Log of each artist's chance to be in each list, with Gumbel noise: the highest are a draw by these chances."""
    pulls = setting.pull_of_genre * (music.genre[:, np.newaxis] == music.genre)
    pulls += (setting.pull_of_scene - setting.pull_of_genre) * (music.scene[:, np.newaxis] == music.scene)
    return np.asarray(pulls + PULL_OF_POPULARITY * popularity + rng.gumbel(size=pulls.shape))


def _scene_map(pulls: Matrix, mapped: Flags) -> SceneSignal:
    """The list of each artist on the map: the others on the map with the highest pulls, strongest first."""
    pulls[:, ~mapped] = -np.inf
    np.fill_diagonal(pulls, -np.inf)
    listing = np.flatnonzero(mapped)
    size = min(LISTED, len(listing) - 1)
    listed = np.argsort(-pulls[listing], axis=1, kind="stable")[:, :size]
    strengths = np.zeros_like(pulls)
    strengths[listing[:, np.newaxis], listed] = 1.0 - np.arange(size) / LISTED
    return SceneSignal(csr_array(np.maximum(strengths, strengths.T)), mapped, mapped)


def _tags(rng: np.random.Generator, music: MadeCatalog, tagged: Flags) -> GenreSignal:
    """Tags of the genre, of a subgenre (one per scene), and wrong ones. An artist without any is not tagged."""
    number = len(tagged)
    subgenre = np.where(
        rng.random(number) < RIGHT_SUBGENRE, music.scene, music.genre * SCENES + rng.integers(SCENES, size=number)
    )
    drawn = (
        (music.genre, rng.random(number) < RIGHT_GENRE),
        (GENRES + subgenre, np.ones(number, dtype=bool)),
        (rng.integers(GENRES * (SCENES + 1), size=number), rng.random(number) < WRONG_TAG),
    )
    weights = np.zeros((number, GENRES * (SCENES + 1)))
    for tags, given in drawn:
        rows = np.flatnonzero(given & tagged)
        weights[rows, tags[rows]] = 1.0
    return GenreSignal(csr_array(weights))


def _collaborations(rng: np.random.Generator, music: MadeCatalog, known: Flags) -> CollaborationSignal:
    """Partners of each artist with collaborations: from its scene, its genre, or anywhere."""
    pairs = [
        (artist, partner)
        for artist in np.flatnonzero(known)
        for partner in _partners(rng, music, int(artist), np.flatnonzero(known))
    ]
    rows, columns = np.array(pairs).T
    number = len(known)
    counts = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(number, number)).tocsr()
    weights = csr_array(counts + counts.T)
    return CollaborationSignal(collaboration.similarity(weights), np.asarray(weights.sum(axis=1)).reshape(-1) > 0)


def _partners(
    rng: np.random.Generator, music: MadeCatalog, artist: int, known: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Partners of one artist, itself left out; none of a kind where there is no such artist."""
    others = known[known != artist]
    circles = (
        (others[music.scene[others] == music.scene[artist]], PARTNER_OF_SCENE),
        (others[music.genre[others] == music.genre[artist]], PARTNER_OF_GENRE),
        (others, 1.0 - PARTNER_OF_SCENE - PARTNER_OF_GENRE),
    )
    wanted = rng.multinomial(1 + rng.poisson(PARTNERS), [share for _, share in circles])
    found = [rng.choice(circle, size=many) for (circle, _), many in zip(circles, wanted, strict=True) if circle.size]
    return np.concatenate(found)
