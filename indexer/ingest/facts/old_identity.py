"""Recovers the tracklist rows of scans that did not record them, in catalogs older than migration 0004."""

from __future__ import annotations

from indexer.audio.workers.jobs import Inspection
from recommender.catalog import Catalog
from recommender.catalog.file_facts import RowFacts
from recommender.catalog.rows import Clip, FileRecord
from recommender.names import fold


def row_of_old_scan(
    catalog: Catalog, clip: Clip, before: FileRecord, inspection: Inspection, relative: str
) -> RowFacts | None:
    """The row that must have named a clip's artist, where neither the file's tags nor its path do; else None.

    Only for a file with the bytes that the old scan read: if they changed, its new tags are believed.
    """
    if before.content_sha256 != inspection.content_sha256 or clip.track_id is None:
        return None
    owner = catalog.track_owner(clip.track_id)
    if owner is None:
        return None
    artist, title = owner
    tags = inspection.tags
    parts = relative.split("/")
    stem = parts[-1].rsplit(".", 1)[0]
    own = {fold(text) for text in (*tags.artists, *tags.artist_list, *tags.album_artists, *parts[:-1])}
    own |= {fold(part) for part in stem.split(" - ")}
    if fold(artist) in own or any(fold(artist) in fold(text) for text in tags.artists):
        return None
    return RowFacts(artist=artist, title=title)
