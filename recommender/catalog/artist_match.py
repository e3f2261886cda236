"""Decides which artist a name and its external ids mean. Pure: known rows go in, new rows come out.

The rules, in this order:

1. A known external id decides. The name becomes an alias, and may be blank. When two of the given ids belong to two
   artists, or an id contradicts the one that the artist has in that namespace, the reference is refused; artists are
   never merged.
2. Only unknown external ids: when exactly one artist has the folded name, and it has no id in any of these namespaces,
   it gets the ids. Otherwise a new artist is added: one name, two artists.
3. No external id: the folded name decides. Several artists with that name are ambiguous; with none a new one is added.

When one of several artists of a name is the file's current artist (``ArtistRef.current_id``), rules 2 and 3 consider
only that one.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from recommender.catalog.clean_text import clean, clean_external_id
from recommender.catalog.rows import Artist, ArtistName, ArtistRef, ExternalId, MatchedArtist
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold


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
        artist_id = known or self._new_artist(name)
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

    def _new_artist(self, name: str) -> str:
        artist = Artist(id=uuid.uuid4().hex, name=name)
        self.new_rows.artists.append(artist)
        self.add_artist(artist)
        return artist.id

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
