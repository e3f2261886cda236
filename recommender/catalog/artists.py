"""Finds or adds artists by name and external ids. Artists have ids of their own; a name is never a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Column, Connection

from recommender.catalog.artist_match import ArtistMatcher, NewRows
from recommender.catalog.clean_text import clean, clean_external_id
from recommender.catalog.rows import Artist, ArtistName, ArtistRef, ExternalId, MatchResult
from recommender.catalog.tables import artist_external_ids, artist_names, artists
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import Row, batches, find
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold


class Artists(OpenDatabase):
    """The part of the catalog with artists, their names and external ids."""

    def find_or_add_artists(self, refs: Sequence[ArtistRef]) -> list[MatchResult]:
        """The artist of each reference, in order, by the rules of :mod:`recommender.catalog.artist_match`.

        A reference that matches no artist adds one, and later references see it. New spellings are kept as aliases. A
        reference that cannot be used gives its error instead of an artist: BadInput (``no_artist``, ``bad_text``,
        ``bad_external_id``, ``external_ids_disagree``), or AmbiguousName, whose candidates are (artist id, label).
        A thousand references take a few queries.
        """
        with self._writing() as connection:
            return [result for part in batches(refs) for result in _match_all(connection, part)]


def _match_all(connection: Connection, refs: Sequence[ArtistRef]) -> list[MatchResult]:
    matcher = _matcher_for(connection, refs)
    results = [_match(matcher, ref) for ref in refs]
    _insert(connection, matcher.new_rows)
    return results


def _match(matcher: ArtistMatcher, ref: ArtistRef) -> MatchResult:
    try:
        return matcher.find_or_add(ref)
    except (BadInput, AmbiguousName) as error:
        return error


def _matcher_for(connection: Connection, refs: Sequence[ArtistRef]) -> ArtistMatcher:
    """A matcher that knows every artist that a reference could match, with all its spellings and external ids."""
    candidates = _candidate_ids(connection, refs)
    matcher = ArtistMatcher()
    for row in _rows_of(connection, (artists.c.id, artists.c.name), candidates):
        matcher.add_artist(Artist(**row))
    for row in _rows_of(connection, (artist_names.c.artist_id, artist_names.c.name, artist_names.c.folded), candidates):
        matcher.add_name(ArtistName(**row))
    external = artist_external_ids.c
    for row in _rows_of(connection, (external.artist_id, external.namespace, external.value), candidates):
        matcher.add_external_id(ExternalId(**row))
    return matcher


def _candidate_ids(connection: Connection, refs: Sequence[ArtistRef]) -> list[str]:
    """Ids of the artists that have a name or an external id of one of the references."""
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
    """``columns`` of these artists. The first column is the artist's id."""
    return [row for part in batches(ids) for row in find(connection, columns, {columns[0]: part})]


def _cleaned(name: str) -> str:
    try:
        return clean(name, what="artist name")
    except BadInput:
        return ""  # the matcher refuses it later, with a reason


def _cleaned_pairs(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    try:
        return [clean_external_id(namespace, value) for namespace, value in pairs]
    except BadInput:
        return []  # the matcher refuses it later, with a reason


def _insert(connection: Connection, new_rows: NewRows) -> None:
    for table, rows in (
        (artists, new_rows.artists),
        (artist_names, new_rows.names),
        (artist_external_ids, new_rows.external_ids),
    ):
        if rows:
            connection.execute(table.insert(), [asdict(row) for row in rows])
