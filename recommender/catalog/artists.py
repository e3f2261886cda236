"""Finds or adds artists by name and external ids. Artists have ids of their own; a name is never a key."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import Column, Connection

from recommender.catalog.rows import Artist, ArtistName, ArtistRef, ExternalId, MatchedArtist, MatchResult
from recommender.catalog.tables import (
    FILES,
    artist_external_ids,
    artist_names,
    artist_sources,
    artists,
    retired_artists,
)
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import Row, batches, clean_external_id, find, upsert
from recommender.errors import AmbiguousName, BadInput
from recommender.names import clean, fold


@dataclass(slots=True, kw_only=True)
class NewRows:
    """Rows to insert into the catalog, in the order in which references needed them."""

    artists: list[Artist] = field(default_factory=list)
    names: list[ArtistName] = field(default_factory=list)
    external_ids: list[ExternalId] = field(default_factory=list)


class ArtistMatcher:
    """Matches one reference after another. A later reference sees the artists that earlier ones added."""

    def __init__(self) -> None:
        self.new_rows = NewRows()
        self._retired_ids: dict[str, list[str]] = {}
        self._retired_externals: dict[tuple[str, str], str] = {}
        self._labels: dict[str, str] = {}
        self._spellings: set[tuple[str, str]] = set()
        self._by_folded: dict[str, list[str]] = defaultdict(list)
        self._by_external: dict[tuple[str, str], str] = {}
        self._external_of: dict[str, dict[str, str]] = defaultdict(dict)

    def add_artist(self, artist: Artist) -> None:
        """Let the matcher know an artist."""
        self._labels[artist.id] = artist.name

    def add_name(self, name: ArtistName) -> None:
        """Let the matcher know a spelling of an artist's name."""
        self._spellings.add((name.artist_id, name.name))
        if name.artist_id not in self._by_folded[name.folded]:
            self._by_folded[name.folded].append(name.artist_id)

    def add_external_id(self, external: ExternalId) -> None:
        """Let the matcher know an external id of an artist."""
        self._by_external[external.namespace, external.value] = external.artist_id
        self._external_of[external.artist_id][external.namespace] = external.value

    def add_retired(self, identifier: str, folded: str, externals: Iterable[tuple[str, str]]) -> None:
        """Let the matcher know an artist that nothing names any more: its id is used again when something does."""
        self._retired_ids.setdefault(folded, []).append(identifier)
        for pair in externals:
            self._retired_externals[pair] = identifier

    def find_or_add(self, ref: ArtistRef) -> MatchedArtist:
        """The artist that ``ref`` means, added when there is none. Raises BadInput or AmbiguousName."""
        name = clean(ref.name, what="artist name")
        externals = [clean_external_id(namespace, value) for namespace, value in ref.external_ids]
        folded = fold(name)
        known = self._by_known_id(externals) if externals else None
        if not folded and known is None:
            raise BadInput("no_artist", "the artist has neither a name nor a known external id; give a name")
        if known is None:
            owners = self._owners(folded, ref)
            known = self._without_such_ids(owners, externals) if externals else self._by_name(name, owners)
        artist_id = known or self._new_artist(name, folded, externals)
        if folded:
            self._new_name(artist_id, name, folded)
        for namespace, value in externals:
            self._new_external_id(artist_id, namespace, value)
        return MatchedArtist(artist_id=artist_id, is_new=known is None)

    def _by_known_id(self, externals: list[tuple[str, str]]) -> str | None:
        """The artist that one of the ids belongs to (rule 1)."""
        owners = {self._by_external[external] for external in externals if external in self._by_external}
        if len(owners) > 1:
            raise BadInput("external_ids_disagree", f"{_joined(externals)} belong to {len(owners)} different artists")
        owner = next(iter(owners), None)
        for namespace, value in externals:
            has = self._external_of[owner].get(namespace, value) if owner else value
            if has != value and (namespace, value) not in self._by_external:
                label = self._labels[owner] if owner else ""
                raise BadInput("external_ids_disagree", f"{label!r} is {namespace}:{has}, not {namespace}:{value}")
        return owner

    def _without_such_ids(self, owners: list[str], externals: list[tuple[str, str]]) -> str | None:
        """The only artist of that name, if it has no id yet in any of these namespaces (rule 2)."""
        if len(owners) != 1 or any(namespace in self._external_of[owners[0]] for namespace, _ in externals):
            return None
        return owners[0]

    def _by_name(self, name: str, owners: list[str]) -> str | None:
        """The only artist of that name (rule 3)."""
        if len(owners) > 1:
            raise AmbiguousName("artist", name, [(owner, self._label(owner)) for owner in sorted(owners)])
        return owners[0] if owners else None

    def _owners(self, folded: str, ref: ArtistRef) -> list[str]:
        owners = self._by_folded.get(folded, [])
        return [ref.current_id] if ref.current_id in owners else owners

    def _label(self, artist_id: str) -> str:
        externals = _joined(sorted(self._external_of[artist_id].items()))
        return f"{self._labels[artist_id]} [{externals}]" if externals else self._labels[artist_id]

    def _new_artist(self, name: str, folded: str, externals: Sequence[tuple[str, str]]) -> str:
        artist = Artist(id=self._returning(folded, externals) or uuid.uuid4().hex, name=name)
        self.new_rows.artists.append(artist)
        self.add_artist(artist)
        return artist.id

    def _returning(self, folded: str, externals: Sequence[tuple[str, str]]) -> str | None:
        """The id of a retired artist with one of these external ids, or with this name, if it is the only one."""
        by_id = next((self._retired_externals[pair] for pair in externals if pair in self._retired_externals), None)
        alike = [one for one in self._retired_ids.get(folded, []) if one not in self._labels]
        has_ids = alike and alike[0] in self._retired_externals.values()
        named = alike[0] if len(alike) == 1 and not (has_ids and externals) else None
        return by_id if by_id is not None and by_id not in self._labels else named

    def _new_name(self, artist_id: str, name: str, folded: str) -> None:
        if (artist_id, name) in self._spellings:
            return
        row = ArtistName(artist_id=artist_id, name=name, folded=folded)
        self.new_rows.names.append(row)
        self.add_name(row)

    def _new_external_id(self, artist_id: str, namespace: str, value: str) -> None:
        if (namespace, value) in self._by_external:
            return
        row = ExternalId(namespace=namespace, value=value, artist_id=artist_id)
        self.new_rows.external_ids.append(row)
        self.add_external_id(row)


def _joined(externals: list[tuple[str, str]]) -> str:
    return ", ".join(f"{namespace}:{value}" for namespace, value in externals)


class Artists(OpenDatabase):
    """The part of the catalog with artists, their names and external ids."""

    def find_or_add_artists(self, refs: Sequence[ArtistRef], *, source: str | None = None) -> list[MatchResult]:
        """The artist of each reference, in order, by the rules of :mod:`recommender.catalog.artists`.

        A reference that matches no artist adds one, and later references see it. New spellings are kept as aliases, and
        ``source`` is recorded as the import that gives names and ids: an artist that an import names stays without any
        file. A reference that cannot be used gives its error instead of an artist: BadInput (``no_artist``,
        ``bad_text``, ``bad_external_id``, ``external_ids_disagree``), or AmbiguousName, whose candidates are (artist
        id, label). A thousand references take a few queries.
        """
        with self._writing() as connection:
            return [result for part in batches(refs) for result in _match_all(connection, part, source)]


def _match_all(connection: Connection, refs: Sequence[ArtistRef], source: str | None) -> list[MatchResult]:
    matcher = _matcher_for(connection, refs)
    results = [_match(matcher, ref) for ref in refs]
    _insert(connection, matcher.new_rows, source)
    if source is not None:
        _record_source(connection, zip(refs, results, strict=True), source)
        named = sorted({result.artist_id for result in results if isinstance(result, MatchedArtist)})
        rows = [{"artist_id": artist_id, "source": source} for artist_id in named]
        keys = ("artist_id", "source")
        upsert(connection, artist_sources, rows, keys=keys, by=keys)
    return results


def _record_source(connection: Connection, matched: Iterable[tuple[ArtistRef, MatchResult]], source: str) -> None:
    """Record that ``source`` gives names and ids that so far only files gave: they stay when the files change."""
    for ref, artist in matched:
        if not isinstance(artist, MatchedArtist) or artist.is_new:
            continue
        names = artist_names.c
        mine = (names.artist_id == artist.artist_id, names.name == _cleaned(ref.name), names.source == FILES)
        connection.execute(artist_names.update().where(*mine).values(source=source))
        for namespace, value in _cleaned_pairs(ref.external_ids):
            ids = artist_external_ids.c
            same = (ids.namespace == namespace, ids.value == value, ids.source == FILES)
            connection.execute(artist_external_ids.update().where(*same).values(source=source))


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
    for identifier, folded, externals in _retired(connection, refs):
        matcher.add_retired(identifier, folded, externals)
    return matcher


def _retired(connection: Connection, refs: Sequence[ArtistRef]) -> Iterable[tuple[str, str, list[tuple[str, str]]]]:
    """(id, folded name, external ids) of the retired artists with a name of the references."""
    folded = sorted({fold(name) for name in {_cleaned(ref.name) for ref in refs}})
    columns = [retired_artists.c.id, retired_artists.c.folded, retired_artists.c.external_ids]
    for part in batches(folded):
        for row in find(connection, columns, {retired_artists.c.folded: part}):
            yield row["id"], row["folded"], [(pair[0], pair[1]) for pair in json.loads(row["external_ids"])]


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


def _insert(connection: Connection, new_rows: NewRows, source: str | None) -> None:
    new = [asdict(row) for row in new_rows.artists]
    for part in batches([row["id"] for row in new]):
        connection.execute(retired_artists.delete().where(retired_artists.c.id.in_(part)))
    if new:
        connection.execute(artists.insert(), new)
    for table, rows in ((artist_names, new_rows.names), (artist_external_ids, new_rows.external_ids)):
        if rows:
            connection.execute(table.insert(), [{**asdict(row), "source": source} for row in rows])
