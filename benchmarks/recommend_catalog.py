"""Makes a generation of any size with four signals, in memory, for ``benchmarks/recommend.py``.

Artists belong to styles of about fifty, and styles to genres whose sizes follow Zipf's law, like real ones. A style has
its own sound and its second and third genre; artists vary around it. More is known of more popular artists: audio for
92 %, genres for 60 to 100 %, a scene list for 60 %, collaborations for 50 to 90 %.

Arrays that a build would compute artist by artist for hours (measured vectors, neighbours) are drawn at once. Cohort
statistics, percentiles and candidates are those of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from indexer.build.calibration.percentiles import reference_of
from indexer.build.scene_walk import scene_walk
from recommender.array_files import TextColumn
from recommender.calibration.cohort import QUANTILES, ArtistStats, Bundle, CalibratedLayer, Method, Status
from recommender.calibration.scores import scores_between
from recommender.generation.calibration import RELATIONS, Calibration
from recommender.generation.contents import ArtistColumns, Contents, Events, Relations, TrackColumns
from recommender.generation.manifest import CandidatesEntry, Counts, Manifest, Quality, Taken
from recommender.generation.open_generation import Generation
from recommender.signals.panel import RelationSignals
from recommender.types import Layer, Rows, Space, Vectors
from recommender.vectors import RECALL_FLOOR, ExactIndex, unit

WIDTH = 48
"""Length of a measured vector in each layer, as in the encoder ``descriptors``."""
LAYERS = ("timbre", "harmony", "rhythm", "spectral_shape", "dynamics")
LATENT = 96
"""Dimensions of the sounds that every layer is a projection of."""
SEEN = 0.7
"""Share of an artist's sound in a layer's vector; the rest is the layer's own."""
GENRES = 800
STYLE = 50
"""Artists per style."""
COHORT = 1000
RECORDED, MAPPED, TAGGED, COLLABORATES = 0.92, 0.6, (0.6, 1.0), (0.5, 0.9)
LISTED, PARTNERS = 36, 6
LIST_OF_STYLE, PARTNER_OF_STYLE = 0.6, 0.5
"""Share of a list, and of partners, from the artist's style; the others are from its genre."""
SOUND_OF_GENRE, SOUND_OF_STYLE, SOUND_OF_ARTIST = 0.5, 0.6, 0.62
_BLOCK = 1 << 14
SPACE = Space(
    name="made",
    revision="1",
    licence="own",
    layers=tuple(Layer(name=name) for name in LAYERS),
    dim=WIDTH,
    sample_rate_hz=24_000,
    preprocessing="made",
    default_mix=dict.fromkeys(LAYERS, 1.0 / len(LAYERS)),
)

Numbers: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Society:
    """Style, genre and popularity of the artists; each ``[artist]`` but the last two."""

    style: Rows
    genre: Rows
    popularity: Numbers
    """In (0, 1]."""
    genre_of_style: Rows
    by_style: Rows
    """Artists in the order of their genre, then their style, then falling popularity."""

    @classmethod
    def of(cls, rng: np.random.Generator, artists: int) -> Society:
        """Draw one."""
        styles = max(artists // STYLE, 1)
        genre_of_style = np.sort(rng.choice(GENRES, size=styles, p=zipf(GENRES)))
        style = rng.integers(styles, size=artists)
        popularity = (rng.permutation(artists) + 1) / artists
        return cls(
            style=style,
            genre=genre_of_style[style],
            popularity=popularity,
            genre_of_style=genre_of_style,
            by_style=np.lexsort((-popularity, style)),
        )

    def among(self, rng: np.random.Generator, chances: tuple[float, float]) -> Flags:
        """Which artists are covered, with a probability that rises with popularity from the first to the second."""
        return rng.random(len(self.style)) < chances[0] + (chances[1] - chances[0]) * self.popularity


def zipf(count: int) -> Numbers:
    """Shares that fall as 1 / rank and sum to 1."""
    shares = 1.0 / np.arange(1, count + 1)
    return np.asarray(shares / shares.sum())


def make_generation(artists: int, *, seed: int = 0) -> Generation:
    """A calibrated generation of ``artists`` artists. The same seed makes the same generation."""
    rng = np.random.default_rng((seed, artists))
    society = Society.of(rng, artists)
    recorded = rng.random(artists) < RECORDED
    vectors = _layers(rng, _sounds(rng, society)[recorded])
    relations = _relations(rng, society)
    return Generation(
        manifest=empty_manifest(artists, int(recorded.sum())),
        contents=Contents(artists=_artists(recorded), tracks=_tracks(recorded), relations=relations),
        tracks={name: ExactIndex(rows) for name, rows in vectors.items()},
        artists={name: ExactIndex(rows) for name, rows in vectors.items()},
        calibration=Calibration(
            layers={name: _calibrated(rng, name, rows) for name, rows in vectors.items()},
            percentiles={
                name: reference_of(signal)
                for name, signal in zip(RELATIONS, RelationSignals.of(relations).all(), strict=True)
            },
        ),
    )


def _sounds(rng: np.random.Generator, society: Society) -> Vectors:
    genres = unit(rng.normal(size=(GENRES, LATENT)))
    styles = unit(rng.normal(size=(len(society.genre_of_style), LATENT)))
    middles = SOUND_OF_GENRE * genres[society.genre_of_style] + SOUND_OF_STYLE * styles
    found = np.empty((len(society.style), LATENT), dtype=np.float32)
    for start in range(0, len(found), _BLOCK):
        part = society.style[start : start + _BLOCK]
        own = rng.normal(size=(len(part), LATENT)) / np.sqrt(LATENT)
        found[start : start + _BLOCK] = unit(middles[part] + SOUND_OF_ARTIST * own)
    return found


def _layers(rng: np.random.Generator, sounds: Vectors) -> dict[str, Vectors]:
    """``[artist, dim]`` unit vectors of every layer: a projection of the sound, and noise of the layer."""
    found: dict[str, Vectors] = {}
    for name in LAYERS:
        seen = (rng.normal(size=(LATENT, WIDTH)) / np.sqrt(WIDTH)).astype(np.float32)
        rows = np.empty((len(sounds), WIDTH), dtype=np.float32)
        for start in range(0, len(sounds), _BLOCK):
            part = sounds[start : start + _BLOCK]
            own = rng.normal(size=(len(part), WIDTH)) / np.sqrt(WIDTH)
            rows[start : start + _BLOCK] = unit(SEEN * unit(part @ seen) + (1.0 - SEEN) * own)
        found[name] = rows
    return found


def _calibrated(rng: np.random.Generator, layer: str, vectors: Vectors) -> CalibratedLayer:
    """Cohort statistics of all artists at once, as the pipeline computes them."""
    chosen = np.sort(rng.permutation(len(vectors))[:COHORT])
    cohort = vectors[chosen].astype(np.float64)
    mean, sd = np.empty(len(vectors)), np.empty(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ cohort.astype(np.float32).T
        mean[start : start + _BLOCK], sd[start : start + _BLOCK] = cosines.mean(axis=1), cosines.std(axis=1)
    stats = ArtistStats(
        vectors=vectors,
        mean=mean,
        sd=sd,
        coherence=np.ones(len(vectors)),
        tracks=np.full(len(vectors), 2),
        standard_error=np.full(len(vectors), 0.05),
    )
    bundle = Bundle(
        space=SPACE.fingerprint,
        layer=layer,
        method=Method.PIPELINE,
        status=Status.CALIBRATED,
        mean=np.zeros(WIDTH),
        projection=None,
        cohort=cohort,
        cohort_ids=tuple(f"{row:08d}" for row in chosen.tolist()),
        quantiles=np.zeros(QUANTILES),
        reference_artists=len(chosen),
        key="made",
    )
    few = stats.take(chosen)
    pairs = scores_between(bundle, few, few)[np.triu_indices(len(chosen), k=1)]
    quantiles = np.quantile(pairs, np.linspace(0.0, 1.0, QUANTILES))
    return CalibratedLayer(bundle=_with(bundle, quantiles), artists=stats)


def _with(bundle: Bundle, quantiles: Numbers) -> Bundle:
    fields = {name: getattr(bundle, name) for name in Bundle.__slots__}
    return Bundle(**fields | {"quantiles": quantiles})


def _relations(rng: np.random.Generator, society: Society) -> Relations:
    artists = len(society.style)
    mapped = society.popularity + 0.2 * rng.normal(size=artists) > 1.0 - MAPPED
    joined = society.among(rng, COLLABORATES)
    scene = _links(rng, society, mapped, count=LISTED, of_style=LIST_OF_STYLE)
    linked = _links(rng, society, joined, count=PARTNERS, of_style=PARTNER_OF_STYLE)
    none = np.empty(0, np.int64)
    return Relations(
        genres=TextColumn.of(f"genre {number:03d}" for number in range(GENRES)),
        genre_weights=_tags(rng, society),
        scene_strengths=scene,
        scene_walk=scene_walk(scene),
        scene_mentioned=mapped,
        scene_listed=mapped & (rng.random(artists) < 0.8),
        collaborations=linked,
        collaboration_known=np.diff(linked.indptr) > 0,
        events=Events(artist_a=none, artist_b=none, kinds=TextColumn.of(()), titles=TextColumn.of(())),
    )


def _tags(rng: np.random.Generator, society: Society) -> csr_array:
    """Two to eight genres per artist: that of its style, those related to the style, and random ones."""
    artists, styles = len(society.style), len(society.genre_of_style)
    usual = rng.choice(GENRES, size=(styles, 3), p=zipf(GENRES))
    tags = [(society.genre, 1.0, 1.0)]
    tags += [(usual[society.style, place], 0.75 - 0.25 * place, 0.7 - 0.15 * place) for place in range(3)]
    tags += [(rng.choice(GENRES, size=artists, p=zipf(GENRES)), 0.25, chance) for chance in (0.4, 0.2, 0.1, 0.05)]
    tagged = society.among(rng, TAGGED)
    rows, columns, weights = [], [], []
    for genre, weight, chance in tags:
        given = np.flatnonzero(tagged & (rng.random(artists) < chance))
        rows.append(given)
        columns.append(genre[given])
        weights.append(np.clip(np.round(weight + 0.1 * rng.normal(size=len(given)), 2), 0.05, 1.0))
    made = coo_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(artists, GENRES)
    ).tocsr()
    made.data = np.minimum(made.data, 1.0)
    return csr_array(made)


def _links(rng: np.random.Generator, society: Society, known: Flags, *, count: int, of_style: float) -> csr_array:
    """Symmetric links: each known artist draws others, more popular ones with a higher probability."""
    artists = len(known)
    asking = np.flatnonzero(known)
    order = society.by_style[known[society.by_style]]
    ends = {
        True: np.searchsorted(society.style[order], np.stack([society.style[asking], society.style[asking] + 1])),
        False: np.searchsorted(society.genre[order], np.stack([society.genre[asking], society.genre[asking] + 1])),
    }
    rows, columns, strengths = [], [], []
    for place in range(count):
        start, stop = np.where(rng.random(len(asking)) < of_style, ends[True], ends[False])
        drawn = order[start + ((stop - start) * rng.random(len(asking)) ** 2).astype(np.int64)]
        other = drawn != asking
        rows.append(asking[other])
        columns.append(drawn[other])
        strengths.append(np.full(int(other.sum()), 1.0 - place / count))
    pairs = (np.concatenate(rows), np.concatenate(columns))
    one_way = coo_array((np.concatenate(strengths), pairs), shape=(artists, artists)).tocsr()
    one_way.data = np.clip(one_way.data, 0.02, 1.0)
    both = csr_array(one_way.maximum(one_way.T))
    both.sort_indices()
    return both


def _artists(recorded: Flags) -> ArtistColumns:
    ids = TextColumn.of(f"{row:08d}" for row in range(len(recorded)))
    empty, none = TextColumn.of(()), np.empty(0, np.int64)
    return ArtistColumns(
        ids=ids,
        names=ids,
        vector_row=np.where(recorded, np.cumsum(recorded) - 1, -1).astype(np.int64),
        spellings=empty,
        spelling_artist=none,
        external_namespaces=empty,
        external_values=empty,
        external_artist=none,
    )


def _tracks(recorded: Flags) -> TrackColumns:
    """One track per artist with audio, with the vector of the artist."""
    artist = np.flatnonzero(recorded).astype(np.int64)
    ids = TextColumn.of(f"{row:08d}" for row in artist.tolist())
    return TrackColumns(
        ids=ids,
        titles=ids,
        artist=artist,
        vector_row=np.arange(len(artist), dtype=np.int64),
        clips=np.ones(len(artist), dtype=np.int64),
        clips_digest=np.zeros((len(artist), 16), dtype=np.uint8),
    )


def empty_manifest(artists: int, recorded: int) -> Manifest:
    """The manifest of a made generation: its numbers of artists, and of those with audio."""
    return Manifest(
        version=1,
        parent_version=None,
        built_at="2026-01-01T00:00:00+00:00",
        space=SPACE,
        use="personal",
        sources={},
        software={},
        shards={},
        counts=Counts(
            artists=artists, artists_indexed=recorded, tracks=recorded, tracks_indexed=recorded, clips=recorded
        ),
        indexes=(),
        goldens=(),
        taken=Taken(),
        calibrations=(),
        candidates=CandidatesEntry(),
        quality=Quality(bad_vectors=0, recall_floor=RECALL_FLOOR),
        files=(),
    )
