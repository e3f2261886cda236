"""Finds artists and tracks by id, external id or name: rows of a generation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.generation.contents import Contents
from recommender.names import fold


class Directory:
    """Look-ups over one generation, made once when it is opened."""

    def __init__(self, contents: Contents) -> None:
        artists, tracks = contents.artists, contents.tracks
        self._contents = contents
        self._artist_ids = {identifier: row for row, identifier in enumerate(artists.ids)}
        self._track_ids = {identifier: row for row, identifier in enumerate(tracks.ids)}
        self._spellings = _grouped(zip(map(fold, artists.spellings), artists.spelling_artist.tolist(), strict=True))
        self._titles = _grouped((fold(title), row) for row, title in enumerate(tracks.titles))
        foreign = zip(artists.external_namespaces, artists.external_values, strict=True)
        self._foreign: dict[tuple[str, str], int] = dict(zip(foreign, artists.external_artist.tolist(), strict=True))

    def artist_by_id(self, identifier: str) -> int:
        """Row of the artist with our own ``identifier``. Raises NotFound."""
        if identifier not in self._artist_ids:
            raise NotFound("artist", identifier, "ids come from ResolveArtists")
        return self._artist_ids[identifier]

    def artist_by_external_id(self, namespace: str, value: str) -> int:
        """Row of the artist that ``namespace`` calls ``value``. Raises NotFound."""
        if (namespace, value) not in self._foreign:
            raise NotFound("artist", f"{namespace}:{value}", "no artist has this external id")
        return self._foreign[namespace, value]

    def artist_by_name(self, name: str) -> int:
        """Row of the one artist with a spelling or alias that folds like ``name``.

        Raises:
            InvalidArgument: the name is blank.
            NotFound: no artist has the name.
            AmbiguousName: several have it; the error lists them.
        """
        rows = self._called(name)
        if len(rows) > 1:
            raise AmbiguousName("artist", name, [self._artist_label(row) for row in rows])
        return rows[0]

    def _called(self, name: str) -> list[int]:
        """Rows of all artists called ``name``, in order. Raises InvalidArgument for a blank name, NotFound for none."""
        rows = self._spellings.get(_folded("name", name), [])
        if not rows:
            raise NotFound("artist", name, "no spelling or alias matches")
        return rows

    def track_by_id(self, identifier: str) -> int:
        """Row of the track with our own ``identifier``. Raises NotFound."""
        if identifier not in self._track_ids:
            raise NotFound("track", identifier, "ids come from GetArtist")
        return self._track_ids[identifier]

    def track_by_name(self, title: str, artist: str) -> int:
        """Row of the one track called ``title``, by an artist called ``artist`` unless that is empty.

        Raises:
            InvalidArgument: the title is blank.
            NotFound: no such track, or no such artist.
            AmbiguousName: several tracks have the title, and an artist of that name; the error lists the tracks.
        """
        rows = self._titles.get(_folded("title", title), [])
        if artist:
            owners = self._called(artist)
            rows = [row for row in rows if self._contents.tracks.artist[row] in owners]
        if not rows:
            raise NotFound("track", title, f"none by {artist} is called so" if artist else "no title matches")
        if len(rows) > 1:
            raise AmbiguousName("track", title, [self._track_label(row) for row in rows])
        return rows[0]

    def _artist_label(self, row: int) -> tuple[str, str]:
        """Id and what distinguishes artists of one name: their external ids and number of tracks."""
        artists, tracks = self._contents.artists, self._contents.tracks
        foreign = [
            f"{artists.external_namespaces[int(entry)]}:{artists.external_values[int(entry)]}"
            for entry in np.flatnonzero(artists.external_artist == row)
        ]
        facts = [*foreign, f"tracks: {np.count_nonzero(tracks.artist == row)}"]
        return artists.ids[row], f"{artists.names[row]} [{', '.join(facts)}]"

    def _track_label(self, row: int) -> tuple[str, str]:
        tracks, artists = self._contents.tracks, self._contents.artists
        return tracks.ids[row], f"{tracks.titles[row]} by {artists.names[int(tracks.artist[row])]}"


def _folded(field: str, text: str) -> str:
    folded = fold(text)
    if not folded:
        raise InvalidArgument(field, "is blank")
    return folded


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for key, row in pairs:
        groups[key].add(row)
    return {key: sorted(rows) for key, rows in groups.items()}
