"""Makes the contents of a generation other than vectors (names, ids, tracks, relations) from the catalog rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from indexer.build import relation_matrices
from indexer.build.averages import ClipsByTrack, int64
from indexer.build.catalog_rows import CatalogRows
from recommender.array_files import TextColumn
from recommender.generation.contents import ArtistColumns, Contents, Digests, Relations, TrackColumns, digest_of
from recommender.types import Rows


def make_contents(data: CatalogRows, artists: Mapping[str, int], *, clips: ClipsByTrack) -> Contents:
    """Names, ids, tracks and relation matrices. ``artists``: id -> row of every artist."""
    return Contents(
        artists=_artist_columns(data, artists, clips),
        tracks=_track_columns(data, artists, clips),
        relations=_relations(data, artists),
    )


def _artist_columns(data: CatalogRows, artists: Mapping[str, int], clips: ClipsByTrack) -> ArtistColumns:
    embedded = {track.artist_id for track in data.tracks if track.id in clips}
    return ArtistColumns(
        ids=TextColumn.of(artist.id for artist in data.artists),
        names=TextColumn.of(artist.name for artist in data.artists),
        vector_row=_dense(artist.id in embedded for artist in data.artists),
        spellings=TextColumn.of(name.name for name in data.names),
        spelling_artist=int64(artists[name.artist_id] for name in data.names),
        external_namespaces=TextColumn.of(item.namespace for item in data.external_ids),
        external_values=TextColumn.of(item.value for item in data.external_ids),
        external_artist=int64(artists[item.artist_id] for item in data.external_ids),
    )


def _track_columns(data: CatalogRows, artists: Mapping[str, int], clips: ClipsByTrack) -> TrackColumns:
    return TrackColumns(
        ids=TextColumn.of(track.id for track in data.tracks),
        titles=TextColumn.of(track.title for track in data.tracks),
        artist=int64(artists[track.artist_id] for track in data.tracks),
        vector_row=_dense(track.id in clips for track in data.tracks),
        clips=int64(len(clips.get(track.id, ())) for track in data.tracks),
        clips_digest=digests(clips.get(track.id, ()) for track in data.tracks),
    )


def digests(clips: Iterator[tuple[str, ...]]) -> Digests:
    """``[track, 16]`` digests of the clips of each track, by which an incremental build finds unchanged tracks."""
    return np.frombuffer(b"".join(map(digest_of, clips)), dtype=np.uint8).reshape(-1, 16)


def _relations(data: CatalogRows, artists: Mapping[str, int]) -> Relations:
    genres, genre_weights = relation_matrices.genre_matrix(data.genres, artists)
    mentioned, listed = relation_matrices.scene_flags(data.scene_lists, data.scene_edges, artists)
    collaborations, known = relation_matrices.collaboration_matrix(data.collaborations, artists)
    return Relations(
        genres=genres,
        genre_weights=genre_weights,
        scene_strengths=relation_matrices.scene_matrix(data.scene_edges, artists),
        scene_mentioned=mentioned,
        scene_listed=listed,
        collaborations=collaborations,
        collaboration_known=known,
        events=relation_matrices.events(data.collaborations, artists),
    )


def _dense(present: Iterator[bool]) -> Rows:
    """Number the True entries from 0 in order; -1 for the others.

    >>> _dense(iter([True, False, True])).tolist()
    [0, -1, 1]
    """
    flags = np.fromiter(present, dtype=bool)
    return np.where(flags, np.cumsum(flags) - 1, -1).astype(np.int64)
