"""Reads the catalog rows of a build, all in one snapshot, and checks that they may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.build.edits import apply_edits
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog, rows
from recommender.catalog.edits import clips_of
from recommender.errors import InvalidArgument
from recommender.licences import find_licence, require
from recommender.types import Use


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRows:
    """The catalog rows of a build, each kind in the order of its ids."""

    artists: Sequence[rows.Artist]
    names: Sequence[rows.ArtistName]
    external_ids: Sequence[rows.ExternalId]
    tracks: Sequence[rows.Track]
    clips: Sequence[rows.EmbeddedClip]
    """Only those with an embedding in the store."""
    genres: Sequence[rows.ArtistGenre]
    popularity: Sequence[rows.ArtistPopularity]
    scene_lists: Sequence[rows.SceneList]
    scene_edges: Sequence[rows.SceneEdge]
    collaborations: Sequence[rows.Collaboration]
    sources: Sequence[rows.Source]


def read_catalog(catalog: Catalog, store: EmbeddingStore) -> CatalogRows:
    """Read the rows for a generation in the space of ``store``, with the edits that are in force."""
    stored = store.clip_ids
    with catalog.snapshot():
        edits = [edit for edit in catalog.read_edits() if edit.undone_at is None]
        beside = catalog.tracks_beside([clip_id for edit in edits for clip_id in clips_of(edit.subject)])
        clips = [clip for clip in catalog.read_embedded_clips(store.space.key) if clip.clip_id in stored]
        return apply_edits(read_rows(catalog, clips), edits, beside)


def read_rows(catalog: Catalog, clips: Sequence[rows.EmbeddedClip]) -> CatalogRows:
    """Read the rows as files and imports give them, without edits. ``clips``: those of the result."""
    with catalog.snapshot():
        return CatalogRows(
            artists=catalog.read_artists(),
            names=catalog.read_names(),
            external_ids=catalog.read_external_ids(),
            tracks=catalog.read_tracks(),
            clips=clips,
            genres=catalog.read_genres(),
            popularity=catalog.read_popularity(),
            scene_lists=catalog.read_scene_lists(),
            scene_edges=catalog.read_scene_edges(),
            collaborations=catalog.read_collaborations(),
            sources=catalog.read_sources(),
        )


def require_usable(data: CatalogRows, use: Use) -> None:
    """Check that a generation for ``use`` can be built from ``data``.

    Raises:
        InvalidArgument: there are no artists.
        LicenceRefused: the licence of a source does not allow ``use``.
    """
    if not data.artists:
        raise InvalidArgument(
            "catalog", "has no artists; first run soundkin scan on a folder of music, or import artists"
        )
    for source in data.sources:
        require(f"source {source.name}", find_licence(source.licence), use)
