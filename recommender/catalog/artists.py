"""Artists in the catalog: found or added by name and external ids, never keyed by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Column, Connection

from recommender.catalog.artist_match import Additions, Matcher
from recommender.catalog.rows import Artist, ArtistName, ArtistRef, ExternalId, FoundArtist, Identified
from recommender.catalog.tables import artist_external_ids, artist_names, artists
from recommender.catalog.transactions import Store
from recommender.catalog.upsert import Row, batches, clean, clean_external_id, find
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold


class Identity(Store):
    """The artists' part of the catalog. The rules are in :mod:`recommender.catalog.artist_match`."""

    def find_or_add_artist(self, name: str, *, external_ids: Sequence[tuple[str, str]] = ()) -> str:
        """Id of the artist meant by a name and (namespace, value) pairs; a new artist when none is.

        The spelling is kept as an alias. Raises BadInput (``no_artist``, ``bad_text``, ``bad_external_id``,
        ``external_ids_disagree``) and AmbiguousName, whose candidates are (artist id, label).
        """
        (found,) = self.find_or_add_artists([ArtistRef(name=name, external_ids=tuple(external_ids))])
        if not isinstance(found, FoundArtist):
            raise found
        return found.artist_id

    def find_or_add_artists(self, refs: Sequence[ArtistRef]) -> list[Identified]:
        """One answer a reference, in order: the artist, or the error that :meth:`find_or_add_artist` raises.

        Later references see the artists that earlier ones added. A thousand references cost a handful of queries.
        """
        with self._writing() as connection:
            return [found for part in batches(refs) for found in _identify(connection, part)]


def _identify(connection: Connection, refs: Sequence[ArtistRef]) -> list[Identified]:
    matcher = _informed(connection, refs)
    found = [_decide(matcher, ref) for ref in refs]
    _store(connection, matcher.additions)
    return found


def _decide(matcher: Matcher, ref: ArtistRef) -> Identified:
    try:
        return matcher.find_or_add(ref)
    except (BadInput, AmbiguousName) as error:
        return error


def _informed(connection: Connection, refs: Sequence[ArtistRef]) -> Matcher:
    """A matcher that knows every artist these references could mean, with all its spellings and ids."""
    meant = _ids_meant(connection, refs)
    matcher = Matcher()
    for row in _rows_of(connection, (artists.c.id, artists.c.name), meant):
        matcher.show_artist(Artist(**row))
    for row in _rows_of(connection, (artist_names.c.artist_id, artist_names.c.name, artist_names.c.folded), meant):
        matcher.show_name(ArtistName(**row))
    external = artist_external_ids.c
    for row in _rows_of(connection, (external.artist_id, external.namespace, external.value), meant):
        matcher.show_external_id(ExternalId(**row))
    return matcher


def _ids_meant(connection: Connection, refs: Sequence[ArtistRef]) -> list[str]:
    folded = {fold(name) for name in {_cleaned(ref.name) for ref in refs}}
    external = sorted({pair for ref in refs for pair in _cleaned_pairs(ref.external_ids)})
    names, ids = artist_names.c, artist_external_ids.c
    rows: list[Row] = []
    for part in batches(sorted(folded)):
        rows += find(connection, [names.artist_id], {names.folded: part})
    for pairs in batches(external):
        spaces, values = zip(*pairs, strict=True)
        rows += find(connection, [ids.artist_id], {ids.namespace: set(spaces), ids.value: values})
    return sorted({row["artist_id"] for row in rows})


def _rows_of(connection: Connection, columns: Sequence[Column[str]], ids: Sequence[str]) -> list[Row]:
    """``columns`` of these artists, the first of them holding the artist's id."""
    return [row for part in batches(ids) for row in find(connection, columns, {columns[0]: part})]


def _cleaned(name: str) -> str:
    try:
        return clean(name, what="artist name")
    except BadInput:
        return ""  # refused later, by the matcher, with its reason


def _cleaned_pairs(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    try:
        return [clean_external_id(namespace, value) for namespace, value in pairs]
    except BadInput:
        return []  # refused later, by the matcher, with its reason


def _store(connection: Connection, additions: Additions) -> None:
    for table, rows in (
        (artists, additions.artists),
        (artist_names, additions.names),
        (artist_external_ids, additions.external_ids),
    ):
        if rows:
            connection.execute(table.insert(), [asdict(row) for row in rows])
