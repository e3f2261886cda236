"""Recovers the tracklist rows of scans that did not record them, in catalogs older than migration 0004."""

from __future__ import annotations

import re

from indexer.audio.workers.jobs import Inspection
from recommender.catalog import Catalog
from recommender.catalog.file_facts import RowFacts
from recommender.catalog.rows import Clip, FileRecord
from recommender.names import fold


def row_of_old_scan(
    catalog: Catalog, clip: Clip, before: FileRecord, inspection: Inspection, relative: str
) -> RowFacts | None:
    """The row that must have named a clip's artist, where neither the file's tags nor its path tell it; else None.

    They do not tell it when they name another one, or give a name that several artists have and none of their ids.
    Only for a file with the bytes that the old scan read: if they changed, its new tags are believed.
    """
    if before.content_sha256 != inspection.content_sha256 or clip.track_id is None:
        return None
    owner = catalog.track_owner(clip.track_id)
    if owner is None:
        return None
    artist, tags = owner.name, inspection.tags
    ids = owner.external_ids if owner.shares_name else ()
    if ids and not {("mbid", value) for value in tags.artist_ids} & set(ids):
        return RowFacts(artist=artist, external_ids=ids, title=owner.title)
    named = {fold(text) for text in (*tags.artists, *tags.artist_list, *tags.album_artists)} or _names_in(relative)
    # A joint credit has the name among its words: "Low" is in "Low & Mono", not in "Slowdive".
    if fold(artist) in named or any(f" {_words(artist)} " in f" {_words(text)} " for text in tags.artists):
        return None
    return RowFacts(artist=artist, title=owner.title)


def _names_in(relative: str) -> set[str]:
    """The names, folded, that a path may give an artist: of each folder, and each part of "Artist - Title"."""
    *folders, name = relative.split("/")
    return {fold(part) for part in (*folders, *name.rsplit(".", 1)[0].split(" - "))}


def _words(text: str) -> str:
    """``text``, folded, with spaces for the marks that stand between the artists of a joint credit."""
    return " ".join(re.sub(r"[,;/+]", " ", fold(text)).split())
