"""Small generations made from plain data, in memory and on disk, for the tests of the library and of the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array, csr_array

from indexer.build.scene_walk import scene_walk
from recommender.array_files import TextColumn
from recommender.generation import contents
from recommender.generation.contents import (
    ArtistColumns,
    Contents,
    Digests,
    Events,
    Relations,
    TrackColumns,
    TrackDetails,
    TrackFacts,
    digest_of,
)
from recommender.generation.lease import LEASE
from recommender.generation.manifest import CandidatesEntry, Counts, IndexEntry, Manifest, Quality, Taken
from recommender.generation.open_generation import (
    CURRENT,
    KINDS,
    MANIFEST,
    VERSIONS,
    Generation,
    Pointer,
    checksum_file,
    folder_name,
    index_file,
    read_manifest,
)
from recommender.types import Aspect, Layer, Rows, Space, Vectors
from recommender.vectors import RECALL_FLOOR, ExactIndex, FaissIndex, unit


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTrack:
    """A track of a test catalog."""

    title: str
    id: str
    vectors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Layer -> vector, of any length above 0; empty: the track is not embedded."""
    album: str = ""
    credit: str = ""
    path: str = ""
    length_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeArtist:
    """An artist of a test catalog. Artists and tracks are sorted by id, as the build does."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    external_ids: Mapping[str, str] = field(default_factory=dict)
    genres: Mapping[str, float] = field(default_factory=dict)
    tracks: tuple[MadeTrack, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCollaboration:
    """Something two artists made together, and the similarity the collaboration signal reads for the pair."""

    a: str
    b: str
    similarity: float
    kind: str = "joint"
    title: str = ""


def make_space(layers: Sequence[str] = ("low", "high"), *, dim: int = 2) -> Space:
    """A space whose default is its first layer, with one aspect for every layer ("hears <layer>") and "both"."""
    mixes = {f"hears {layer}": {layer: 1.0} for layer in layers} | {"both": dict.fromkeys(layers, 1.0 / len(layers))}
    return Space(
        name="made",
        revision="1",
        licence="own",
        layers=tuple(Layer(name=layer, description=f"the {layer} layer") for layer in layers),
        dim=dim,
        sample_rate_hz=22_050,
        preprocessing="1",
        default_mix={layers[0]: 1.0},
        aspects=tuple(
            Aspect(name=name, description=name, layers=mix, evidence="by construction") for name, mix in mixes.items()
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCatalog:
    """Everything that a generation is made from."""

    artists: tuple[MadeArtist, ...]
    scene: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Pair of artist ids -> strength; both count as mentioned."""
    scene_listed: tuple[str, ...] = ()
    """Ids of artists whose own list a source gave; they count as mentioned."""
    collaborations: tuple[MadeCollaboration, ...] = ()
    space: Space = field(default_factory=make_space)
    use: str = "personal"
    """The use it was built for."""


def make_contents(made: MadeCatalog) -> Contents:
    """Columns and matrices of ``made``."""
    artists = sorted(made.artists, key=lambda artist: artist.id)
    rows = {artist.id: row for row, artist in enumerate(artists)}
    return Contents(
        artists=_artist_columns(artists),
        tracks=_track_columns(artists),
        relations=_relations(made, artists, rows),
        details=_track_details(artists),
    )


def make_generation(made: MadeCatalog, *, version: int = 1) -> Generation:
    """An open generation in memory, on the exact index."""
    tracks, artists = _vectors(made)
    return Generation(
        manifest=_manifest(made, version, ()),
        contents=make_contents(made),
        tracks={layer: ExactIndex(vectors) for layer, vectors in tracks.items()},
        artists={layer: ExactIndex(vectors) for layer, vectors in artists.items()},
    )


def write_generation(home: Path, made: MadeCatalog, *, version: int = 1) -> Path:
    """A generation on disk, with checksums, that CURRENT points to; its folder."""
    folder = home / VERSIONS / folder_name(version)
    folder.mkdir(parents=True)
    contents.save(make_contents(made), folder)
    for kind, layers in zip(("tracks", "artists"), _vectors(made), strict=True):
        for layer, vectors in enumerate(layers.values()):
            FaissIndex.write(folder / index_file(layer, kind), vectors)
    files = tuple(sorted(folder.iterdir()))
    (folder / LEASE).touch()
    (folder / MANIFEST).write_text(_manifest(made, version, files).to_json())
    point_to(home, version)
    return folder


def point_to(home: Path, version: int) -> None:
    """Make CURRENT point to ``version``, in one step."""
    _, digest = read_manifest(home / VERSIONS / folder_name(version))
    fresh = home / f"{CURRENT}.new"
    fresh.write_text(Pointer(version=version, manifest_sha256=digest).to_json())
    fresh.replace(home / CURRENT)


def _artist_columns(artists: Sequence[MadeArtist]) -> ArtistColumns:
    spellings = [(name, row) for row, artist in enumerate(artists) for name in (artist.name, *artist.aliases)]
    foreign = [(*item, row) for row, artist in enumerate(artists) for item in artist.external_ids.items()]
    return ArtistColumns(
        ids=TextColumn.of(artist.id for artist in artists),
        names=TextColumn.of(artist.name for artist in artists),
        vector_row=_dense(any(track.vectors for track in artist.tracks) for artist in artists),
        spellings=TextColumn.of(name for name, _ in spellings),
        spelling_artist=_int64(row for _, row in spellings),
        external_namespaces=TextColumn.of(namespace for namespace, _, _ in foreign),
        external_values=TextColumn.of(value for _, value, _ in foreign),
        external_artist=_int64(row for _, _, row in foreign),
    )


def _tracks(artists: Sequence[MadeArtist]) -> list[tuple[MadeTrack, int]]:
    owned = [(track, row) for row, artist in enumerate(artists) for track in artist.tracks]
    return sorted(owned, key=lambda pair: pair[0].id)


def _track_columns(artists: Sequence[MadeArtist]) -> TrackColumns:
    tracks = _tracks(artists)
    return TrackColumns(
        ids=TextColumn.of(track.id for track, _ in tracks),
        titles=TextColumn.of(track.title for track, _ in tracks),
        artist=_int64(row for _, row in tracks),
        vector_row=_dense(bool(track.vectors) for track, _ in tracks),
        clips=_int64(int(bool(track.vectors)) for track, _ in tracks),
        clips_digest=_digests(track for track, _ in tracks),
    )


def _track_details(artists: Sequence[MadeArtist]) -> TrackDetails:
    return TrackDetails.of(
        [
            TrackFacts(album=track.album, credit=track.credit, path=track.path, length_ms=track.length_ms)
            for track, _ in _tracks(artists)
        ]
    )


def _relations(made: MadeCatalog, artists: Sequence[MadeArtist], rows: Mapping[str, int]) -> Relations:
    genres = sorted({genre for artist in artists for genre in artist.genres})
    columns = {genre: column for column, genre in enumerate(genres)}
    weights = [(row, columns[genre], w) for row, artist in enumerate(artists) for genre, w in artist.genres.items()]
    scene = [(rows[a], rows[b], strength) for (a, b), strength in made.scene.items()]
    linked = [(rows[item.a], rows[item.b], item.similarity) for item in made.collaborations]
    pairs = [(min(rows[item.a], rows[item.b]), max(rows[item.a], rows[item.b]), item) for item in made.collaborations]
    events = sorted((a, b, item.kind, item.title) for a, b, item in pairs)
    listed = [rows[artist] for artist in made.scene_listed]
    return Relations(
        genres=TextColumn.of(genres),
        genre_weights=_matrix(weights, (len(artists), len(genres))),
        scene_strengths=_symmetric(scene, len(artists)),
        scene_walk=scene_walk(_symmetric(scene, len(artists))),
        scene_mentioned=_flags([*listed, *_ends(scene)], len(artists)),
        scene_listed=_flags(listed, len(artists)),
        collaborations=_symmetric(linked, len(artists)),
        collaboration_known=_flags(_ends(linked), len(artists)),
        events=Events(
            artist_a=_int64(event[0] for event in events),
            artist_b=_int64(event[1] for event in events),
            kinds=TextColumn.of(event[2] for event in events),
            titles=TextColumn.of(event[3] for event in events),
        ),
    )


def _vectors(made: MadeCatalog) -> tuple[dict[str, Vectors], dict[str, Vectors]]:
    """Layer -> track vectors, layer -> artist vectors; empty when no track is embedded."""
    artists = sorted(made.artists, key=lambda artist: artist.id)
    embedded = [(track, row) for track, row in _tracks(artists) if track.vectors]
    by_track: dict[str, Vectors] = {}
    by_artist: dict[str, Vectors] = {}
    for layer in made.space.layer_names if embedded else ():
        by_track[layer] = unit(np.array([track.vectors[layer] for track, _ in embedded]))
        owners = np.array([row for _, row in embedded])
        means = [by_track[layer][owners == row].astype(np.float64).mean(axis=0) for row in sorted(set(owners))]
        by_artist[layer] = unit(np.array(means))
    return by_track, by_artist


def _manifest(made: MadeCatalog, version: int, files: Iterable[Path]) -> Manifest:
    tracks = [track for artist in made.artists for track in artist.tracks]
    embedded = sum(bool(track.vectors) for track in tracks)
    with_audio = sum(any(track.vectors for track in artist.tracks) for artist in made.artists)
    return Manifest(
        version=version,
        parent_version=None,
        built_at="2026-01-01T00:00:00+00:00",
        space=made.space,
        use=made.use,
        sources={},
        software={},
        shards={},
        counts=Counts(
            artists=len(made.artists),
            artists_indexed=with_audio,
            tracks=len(tracks),
            tracks_indexed=embedded,
            clips=embedded,
        ),
        indexes=_flat_indexes(made.space, {"tracks": embedded, "artists": with_audio}) if embedded else (),
        goldens=(),
        taken=Taken(),
        calibrations=(),
        candidates=CandidatesEntry(),
        quality=Quality(bad_vectors=0, recall_floor=RECALL_FLOOR),
        files=tuple(checksum_file(path) for path in files),
    )


def _flat_indexes(space: Space, sizes: Mapping[str, int]) -> tuple[IndexEntry, ...]:
    return tuple(
        IndexEntry(
            layer=layer,
            kind=kind,
            factory="Flat",
            parameters={},
            size=sizes[kind],
            recall_at_10=None,
            recall_floor=RECALL_FLOOR,
        )
        for layer in space.layer_names
        for kind in KINDS
    )


def _digests(tracks: Iterable[MadeTrack]) -> Digests:
    """Each embedded track has one clip, which has the id of the track."""
    parts = [digest_of([track.id] if track.vectors else []) for track in tracks]
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, 16)


def _int64(values: Iterable[int]) -> Rows:
    return np.fromiter(values, dtype=np.int64)


def _dense(present: Iterable[bool]) -> Rows:
    flags = np.fromiter(present, dtype=bool)
    return np.where(flags, np.cumsum(flags) - 1, -1).astype(np.int64)


def _flags(rows: Iterable[int], size: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    flags = np.zeros(size, dtype=bool)
    flags[list(rows)] = True
    return flags


def _ends(links: Iterable[tuple[int, int, float]]) -> list[int]:
    return [row for a, b, _ in links for row in (a, b)]


def _symmetric(links: Sequence[tuple[int, int, float]], size: int) -> csr_array:
    return _matrix([*links, *((b, a, value) for a, b, value in links)], (size, size))


def _matrix(entries: Sequence[tuple[int, int, float]], shape: tuple[int, int]) -> csr_array:
    rows, columns = (np.array([entry[axis] for entry in entries], dtype=np.int64) for axis in (0, 1))
    return csr_array(coo_array(([entry[2] for entry in entries], (rows, columns)), shape=shape, dtype=np.float64))
