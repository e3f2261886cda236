"""Genres that a scan comes across, gathered by artist and written once at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from indexer.scanning.identified import MANIFEST, TAGS
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre

LICENCE = "own"
"""Manifests and tags are the operator's own data."""


class GenreGathering:
    """Artist by artist, what manifest and tags said, and which clips were looked at."""

    def __init__(self) -> None:
        self._said: dict[str, defaultdict[str, set[str]]] = {MANIFEST: defaultdict(set), TAGS: defaultdict(set)}
        self._seen: set[str] = set()

    def see(self, clip_id: str) -> None:
        """Note that the scan came across a clip."""
        self._seen.add(clip_id)

    def say(self, source: str, artist_id: str, genres: Iterable[str]) -> None:
        """Note that ``source`` gives an artist these folded genres, be they none."""
        self._said[source][artist_id].update(genres)

    def write(self, catalog: Catalog) -> None:
        """Enter what was gathered, each genre with weight 1.

        What a manifest says of an artist replaces what one said before, when this scan saw all clips of the artist.
        Otherwise, and with tags, which are only read of new files, it is added.
        """
        for source, said in self._said.items():
            if said:
                catalog.ensure_source(source, LICENCE)
        manifest = self._said[MANIFEST]
        clips = catalog.clip_ids_of_artists(sorted(manifest))
        whole = {artist_id for artist_id in manifest if clips.get(artist_id, frozenset()) <= self._seen}
        catalog.replace_genres(MANIFEST, {artist_id: manifest[artist_id] for artist_id in sorted(whole)})
        added = [
            ArtistGenre(artist_id=artist_id, genre=genre, source=source, weight=1.0)
            for source, said in self._said.items()
            for artist_id in sorted(said)
            if source != MANIFEST or artist_id not in whole
            for genre in sorted(said[artist_id])
        ]
        catalog.add_genres(added)
