"""Finds artists and tracks by id, external id or name: rows of a generation. Suggests those that may be meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from recommender.errors import AmbiguousName, BadInput, InvalidArgument, NotFound, Suggestion
from recommender.generation.contents import Contents
from recommender.lookup.likely_names import Likely, LikelyNames
from recommender.names import clean, fold

MAX_SUGGESTIONS = 3
MAX_TITLES = 300_000
"""Titles that an index is made of, by the first question with an unknown title and no artist; it takes 3 s."""
MAX_ARTIST_TITLES = 20_000
"""Titles of an artist that are compared with one that it does not have."""
MAX_SHOWN = 200
"""Characters of a name that cannot be one which an error shows."""


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
        self._likely_names = LikelyNames(self._spellings)
        self._likely_titles = LikelyNames(self._titles)

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

    def knows_artist(self, name: str) -> bool:
        """Whether one or more artists are called ``name``."""
        try:
            return bool(self._called(name))
        except (InvalidArgument, NotFound):
            return False

    def suggest_artists(self, name: str) -> tuple[Suggestion, ...]:
        """The artists that may be meant by ``name``, which nobody has: the likeliest first, at most three.

        It takes about 7 ms among 300,000 names. The first call makes an index if :meth:`prepare` did not: 3 s.
        """
        likely = self._likely_names.find(name)
        artists = self._contents.artists
        found = {artists.ids[row]: (row, one) for one in reversed(likely) for row in self._spellings[one.name]}
        return _best(_artist_suggestion(artists.ids[row], artists.names[row], one) for row, one in found.values())

    def prepare(self) -> None:
        """Make the index of :meth:`suggest_artists` now, so that no question waits for it."""
        self._likely_names.prepare()

    def suggest_tracks(self, title: str, artist: str) -> tuple[Suggestion, ...]:
        """As :meth:`suggest_artists`: tracks of the artists called ``artist``; of all when that is empty.

        Without an artist, none where there are more than MAX_TITLES titles.
        """
        owners = frozenset(self._called(artist)) if artist else None
        tracks = self._contents.tracks
        if owners is None:
            likely = self._likely_titles.find(title) if len(self._titles) <= MAX_TITLES else []
        else:
            rows = np.flatnonzero(np.isin(tracks.artist, list(owners)))[:MAX_ARTIST_TITLES]
            likely = LikelyNames([fold(tracks.titles[int(row)]) for row in rows]).find(title)
        return _best(
            self._track_suggestion(row, one)
            for one in likely
            for row in self._titles[one.name]
            if owners is None or int(tracks.artist[row]) in owners
        )

    def _track_suggestion(self, row: int, likely: Likely) -> Suggestion:
        tracks, artists = self._contents.tracks, self._contents.artists
        owner = int(tracks.artist[row])
        return replace(
            _artist_suggestion(artists.ids[owner], artists.names[owner], likely),
            track_id=tracks.ids[row],
            title=tracks.titles[row],
        )

    def _called(self, name: str) -> list[int]:
        """Rows of all artists called ``name``, in order. Raises InvalidArgument for a blank name, NotFound for none."""
        rows = self._spellings.get(_folded("artist", "name", name), [])
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
        rows = self._titles.get(_folded("track", "title", title), [])
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


def _best(suggestions: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """The highest scores, ties by id."""
    ordered = sorted(suggestions, key=lambda one: (-one.score, one.track_id or one.artist_id))
    return tuple(ordered[:MAX_SUGGESTIONS])


def _artist_suggestion(identifier: str, name: str, likely: Likely) -> Suggestion:
    return Suggestion(artist_id=identifier, artist_name=name, score=likely.score, why=likely.why)


def _folded(kind: str, field: str, text: str) -> str:
    """``text`` cleaned as a name in an import is, and folded.

    Raises InvalidArgument when it is blank, NotFound when no name can have its characters or its length.
    """
    try:
        folded = fold(clean(text, what=field))
    except BadInput as error:
        raise NotFound(kind, text[:MAX_SHOWN], error.detail) from error
    if not folded:
        raise InvalidArgument(field, "is blank")
    return folded


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for key, row in pairs:
        groups[key].add(row)
    return {key: sorted(rows) for key, rows in groups.items()}
