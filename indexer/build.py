"""From the catalogue and the embedding store to one staged generation, checked and ready to publish."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from indexer import relations
from indexer.durable import sync_file, sync_folder, write_file
from indexer.locks import exclusive
from indexer.store import EmbeddingStore
from recommender import contents
from recommender.catalog import Catalog, rows
from recommender.columns import TextColumn
from recommender.contents import ArtistColumns, Contents, Relations, TrackColumns
from recommender.errors import InvalidArgument
from recommender.generation import (
    MANIFEST,
    VERSIONS,
    Counts,
    Manifest,
    checksum_file,
    folder_name,
    index_file,
    open_generation,
    read_current,
)
from recommender.licences import find_licence, require
from recommender.types import Profile, Rows, Vectors
from recommender.vectors import FaissIndex, unit

STAGING = "staging"
LOCK = "LOCK"
_SOFTWARE = ("soundkin", "numpy", "scipy", "librosa", "soundfile", "soxr")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Everything the build reads from SQL, in one moment of the catalogue."""

    artists: Sequence[rows.Artist]
    names: Sequence[rows.ArtistName]
    external_ids: Sequence[rows.ExternalId]
    tracks: Sequence[rows.Track]
    clips: Sequence[rows.EmbeddedClip]
    genres: Sequence[rows.ArtistGenre]
    scene_lists: Sequence[rows.SceneList]
    scene_edges: Sequence[rows.SceneEdge]
    collaborations: Sequence[rows.Collaboration]
    sources: Sequence[rows.Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grouping:
    """Which clips make which track, and which tracks which artist."""

    clip_ids: tuple[str, ...]
    clip_track: Rows
    """``[clip]`` row among the embedded tracks."""
    track_artist: Rows
    """``[embedded track]`` row among the embedded artists."""


def build(
    catalog: Catalog, store: EmbeddingStore, home: Path, *, profile: Profile, progress: Callable[[str], None]
) -> Manifest:
    """Build the next generation into ``home/staging`` and verify it; :mod:`indexer.publish` gives it its name.

    Memory is bounded by one layer's vectors, not all of them.

    Raises:
        LicenceRefused: the encoder or a source of metadata is not allowed under ``profile``.
        InvalidArgument: the catalogue has no artists.
        EmbeddingsCorrupt: a shard lost its checksum.
        Busy: another process builds or publishes in ``home``.
    """
    require(f"encoder {store.space.name}", find_licence(store.space.licence), profile)
    with exclusive(home / LOCK):
        data = _read(catalog, store)
        _check(data, profile)
        folder = home / STAGING / folder_name(next_version(home, catalog))
        shutil.rmtree(home / STAGING, ignore_errors=True)
        folder.mkdir(parents=True)
        artists = {artist.id: row for row, artist in enumerate(data.artists)}
        grouping = _group(data, artists)
        progress("names and relations")
        contents.save(_contents(data, artists), folder)
        for layer, name in enumerate(store.space.layer_names if grouping.clip_ids else ()):
            progress(f"layer {name}")
            _write_layer(folder, layer, store.layer(layer, grouping.clip_ids), grouping)
        progress("checksums")
        manifest = _seal(folder, store, data, grouping, profile)
        open_generation(folder)
        return manifest


def next_version(home: Path, catalog: Catalog) -> int:
    """One more than any version that ever had a name here; never derived from a clock."""
    pointer = read_current(home)
    names = [path.name for path in (home / VERSIONS).glob("v*")]
    taken = [int(name[1:]) for name in names if name[1:].isdigit()]
    recorded = [generation.version for generation in catalog.read_generations()]
    return 1 + max([pointer.version if pointer else 0, *taken, *recorded])


def _read(catalog: Catalog, store: EmbeddingStore) -> _Rows:
    with catalog.snapshot():
        held = store.clip_ids
        return _Rows(
            artists=catalog.read_artists(),
            names=catalog.read_names(),
            external_ids=catalog.read_external_ids(),
            tracks=catalog.read_tracks(),
            clips=[clip for clip in catalog.read_embedded_clips(store.space.key) if clip.clip_id in held],
            genres=catalog.read_genres(),
            scene_lists=catalog.read_scene_lists(),
            scene_edges=catalog.read_scene_edges(),
            collaborations=catalog.read_collaborations(),
            sources=catalog.read_sources(),
        )


def _check(data: _Rows, profile: Profile) -> None:
    if not data.artists:
        raise InvalidArgument("catalogue", "has no artists; run soundkin scan on a folder of music first")
    for source in data.sources:
        require(f"source {source.name}", find_licence(source.licence), profile)


def _group(data: _Rows, artists: Mapping[str, int]) -> _Grouping:
    """Embedded tracks in row order, then embedded artists in row order."""
    heard = {clip.track_id for clip in data.clips}
    tracks = [track for track in data.tracks if track.id in heard]
    track_row = {track.id: row for row, track in enumerate(tracks)}
    heard_artists = sorted({artists[track.artist_id] for track in tracks})
    artist_row = {artist: row for row, artist in enumerate(heard_artists)}
    return _Grouping(
        clip_ids=tuple(clip.clip_id for clip in data.clips),
        clip_track=_int64(track_row[clip.track_id] for clip in data.clips),
        track_artist=_int64(artist_row[artists[track.artist_id]] for track in tracks),
    )


def _write_layer(folder: Path, layer: int, clips: Vectors, grouping: _Grouping) -> None:
    """Track = mean of its clips' unit vectors, artist = mean of its tracks' unit vectors, each renormalised."""
    tracks = unit(mean_by_group(unit(clips), grouping.clip_track))
    artists = unit(mean_by_group(tracks, grouping.track_artist))
    FaissIndex.write(folder / index_file(layer, "tracks"), tracks)
    FaissIndex.write(folder / index_file(layer, "artists"), artists)


def mean_by_group(vectors: Vectors, group: Rows) -> npt.NDArray[np.float64]:
    """Mean of the rows of ``[item, dim]`` that share a group, ``[group, dim]``; every group has an item.

    >>> mean_by_group(np.array([[1.0, 0], [0, 1], [0, 3]], dtype=np.float32), np.array([0, 1, 1])).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    sums = np.zeros((int(group.max()) + 1, vectors.shape[1]))
    np.add.at(sums, group, vectors)
    return sums / np.bincount(group)[:, np.newaxis]


def _contents(data: _Rows, artists: Mapping[str, int]) -> Contents:
    return Contents(
        artists=_artist_columns(data, artists),
        tracks=_track_columns(data, artists),
        relations=_relations(data, artists),
    )


def _artist_columns(data: _Rows, artists: Mapping[str, int]) -> ArtistColumns:
    owners = {track.id: track.artist_id for track in data.tracks}
    heard = {owners[clip.track_id] for clip in data.clips}
    return ArtistColumns(
        ids=TextColumn.of(artist.id for artist in data.artists),
        names=TextColumn.of(artist.name for artist in data.artists),
        vector_row=_dense(artist.id in heard for artist in data.artists),
        spellings=TextColumn.of(name.name for name in data.names),
        spelling_artist=_int64(artists[name.artist_id] for name in data.names),
        external_namespaces=TextColumn.of(item.namespace for item in data.external_ids),
        external_values=TextColumn.of(item.value for item in data.external_ids),
        external_artist=_int64(artists[item.artist_id] for item in data.external_ids),
    )


def _track_columns(data: _Rows, artists: Mapping[str, int]) -> TrackColumns:
    clips = Counter(clip.track_id for clip in data.clips)
    return TrackColumns(
        ids=TextColumn.of(track.id for track in data.tracks),
        titles=TextColumn.of(track.title for track in data.tracks),
        artist=_int64(artists[track.artist_id] for track in data.tracks),
        vector_row=_dense(track.id in clips for track in data.tracks),
        clips=_int64(clips[track.id] for track in data.tracks),
    )


def _relations(data: _Rows, artists: Mapping[str, int]) -> Relations:
    genres, genre_weights = relations.genre_matrix(data.genres, artists)
    mentioned, listed = relations.scene_flags(data.scene_lists, data.scene_edges, artists)
    collaborations, known = relations.collaboration_matrix(data.collaborations, artists)
    return Relations(
        genres=genres,
        genre_weights=genre_weights,
        scene_strengths=relations.scene_matrix(data.scene_edges, artists),
        scene_mentioned=mentioned,
        scene_listed=listed,
        collaborations=collaborations,
        collaboration_known=known,
        events=relations.events(data.collaborations, artists),
    )


def _seal(folder: Path, store: EmbeddingStore, data: _Rows, grouping: _Grouping, profile: Profile) -> Manifest:
    paths = sorted(folder.iterdir())
    for path in paths:
        path.chmod(0o444)
        sync_file(path)
    manifest = Manifest(
        version=int(folder.name[1:]),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        space=store.space,
        profile=profile.value,
        sources={source.name: source.licence for source in data.sources},
        software=_software(),
        counts=Counts(
            artists=len(data.artists),
            artists_indexed=int(grouping.track_artist.max()) + 1 if grouping.clip_ids else 0,
            tracks=len(data.tracks),
            tracks_indexed=len(grouping.track_artist),
            clips=len(grouping.clip_ids),
        ),
        files=tuple(checksum_file(path) for path in paths),
    )
    write_file(folder / MANIFEST, [manifest.to_json().encode()])
    (folder / MANIFEST).chmod(0o444)
    sync_folder(folder)
    return manifest


def _software() -> dict[str, str]:
    names = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
    faiss = {name: version for name, version in names.items() if name and name.startswith("faiss")}
    return {name: names[name] for name in _SOFTWARE if name in names} | faiss | {"python": platform.python_version()}


def _int64(values: Iterator[int]) -> Rows:
    return np.fromiter(values, dtype=np.int64)


def _dense(present: Iterator[bool]) -> Rows:
    """Number the True entries from 0 in order; -1 for the others.

    >>> _dense(iter([True, False, True])).tolist()
    [0, -1, 1]
    """
    flags = np.fromiter(present, dtype=bool)
    return np.where(flags, np.cumsum(flags) - 1, -1).astype(np.int64)
