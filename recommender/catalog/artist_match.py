"""Which artist a name and its external ids mean. Pure: it is shown what is known and says what is new.

The rules, in this order:

1. An external id that is known decides. The name becomes an alias; it may be blank. Should two of the given ids be of
   two artists, or contradict the id the artist has in that namespace, nothing is merged: the reference is refused.
2. External ids that are all unknown: when the folded name belongs to exactly one artist and that artist has no id in
   any of the namespaces, the ids are its own from now on. Otherwise it is a new artist: one name, two artists.
3. No external id: the folded name decides. Several artists of that name is ambiguous; none of that name is a new one.

Where one of several artists of a name is the one the file belonged to already, only that one counts in 2 and 3.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from recommender.catalog.rows import Artist, ArtistName, ArtistRef, ExternalId, FoundArtist
from recommender.catalog.upsert import clean, clean_external_id
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold


@dataclass(slots=True, kw_only=True)
class Additions:
    """Rows that a matcher found missing, in the order in which they came up."""

    artists: list[Artist] = field(default_factory=list)
    names: list[ArtistName] = field(default_factory=list)
    external_ids: list[ExternalId] = field(default_factory=list)


class Matcher:
    """Decides one reference after another; a later one sees what an earlier one added."""

    def __init__(self) -> None:
        self.additions = Additions()
        self._labels: dict[str, str] = {}
        self._spellings: set[tuple[str, str]] = set()
        self._by_folded: dict[str, list[str]] = defaultdict(list)
        self._by_external: dict[tuple[str, str], str] = {}
        self._external_of: dict[str, dict[str, str]] = defaultdict(dict)

    def show_artist(self, artist: Artist) -> None:
        """Make an artist known."""
        self._labels[artist.id] = artist.name

    def show_name(self, name: ArtistName) -> None:
        """Make a spelling known."""
        self._spellings.add((name.artist_id, name.name))
        if name.artist_id not in self._by_folded[name.folded]:
            self._by_folded[name.folded].append(name.artist_id)

    def show_external_id(self, external: ExternalId) -> None:
        """Make an external id known."""
        self._by_external[external.namespace, external.value] = external.artist_id
        self._external_of[external.artist_id][external.namespace] = external.value

    def find_or_add(self, ref: ArtistRef) -> FoundArtist:
        """The artist ``ref`` means, new if need be. Raises BadInput or AmbiguousName."""
        name = clean(ref.name, what="artist name")
        externals = [clean_external_id(namespace, value) for namespace, value in ref.external_ids]
        folded = fold(name)
        known = self._known(externals) if externals else None
        if not folded and known is None:
            raise BadInput("no_artist", "the artist has neither a name nor an external id that is known; give a name")
        if known is None:
            owners = self._owners(folded, ref)
            known = self._unclaimed(owners, externals) if externals else self._named(name, owners)
        artist_id = known or self._add_artist(name)
        if folded:
            self._add_name(artist_id, name, folded)
        for namespace, value in externals:
            self._add_external_id(artist_id, namespace, value)
        return FoundArtist(artist_id=artist_id, is_new=known is None)

    def _known(self, externals: list[tuple[str, str]]) -> str | None:
        owners = {self._by_external[external] for external in externals if external in self._by_external}
        if len(owners) > 1:
            raise BadInput("external_ids_disagree", f"{_listed(externals)} belong to {len(owners)} different artists")
        owner = next(iter(owners), None)
        for namespace, value in externals:
            has = self._external_of[owner].get(namespace, value) if owner else value
            if has != value and (namespace, value) not in self._by_external:
                label = self._labels[owner] if owner else ""
                raise BadInput("external_ids_disagree", f"{label!r} is {namespace}:{has}, not {namespace}:{value}")
        return owner

    def _unclaimed(self, owners: list[str], externals: list[tuple[str, str]]) -> str | None:
        """The only artist of that name, if it still has no id where these are from."""
        if len(owners) != 1 or any(namespace in self._external_of[owners[0]] for namespace, _ in externals):
            return None
        return owners[0]

    def _named(self, name: str, owners: list[str]) -> str | None:
        if len(owners) > 1:
            raise AmbiguousName("artist", name, [(owner, self._label(owner)) for owner in sorted(owners)])
        return owners[0] if owners else None

    def _owners(self, folded: str, ref: ArtistRef) -> list[str]:
        owners = self._by_folded.get(folded, [])
        return [ref.current_id] if ref.current_id in owners else owners

    def _label(self, artist_id: str) -> str:
        externals = _listed(sorted(self._external_of[artist_id].items()))
        return f"{self._labels[artist_id]} [{externals}]" if externals else self._labels[artist_id]

    def _add_artist(self, name: str) -> str:
        artist = Artist(id=uuid.uuid4().hex, name=name)
        self.additions.artists.append(artist)
        self.show_artist(artist)
        return artist.id

    def _add_name(self, artist_id: str, name: str, folded: str) -> None:
        if (artist_id, name) in self._spellings:
            return
        added = ArtistName(artist_id=artist_id, name=name, folded=folded)
        self.additions.names.append(added)
        self.show_name(added)

    def _add_external_id(self, artist_id: str, namespace: str, value: str) -> None:
        if (namespace, value) in self._by_external:
            return
        added = ExternalId(namespace=namespace, value=value, artist_id=artist_id)
        self.additions.external_ids.append(added)
        self.show_external_id(added)


def _listed(externals: list[tuple[str, str]]) -> str:
    return ", ".join(f"{namespace}:{value}" for namespace, value in externals)
