"""Matches the artists that files credit with artists of the catalog, in an order that no history can change."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from recommender.catalog.facts_of_files import KnownArtist
from recommender.catalog.rows import ArtistRef
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold

ExternalIds = tuple[tuple[str, str], ...]
RefKey = tuple[str, ExternalIds, str | None]
"""(folded name, sorted external ids, artist that the file belongs to now)."""


@dataclass(slots=True, kw_only=True)
class MatchedRefs:
    """An artist while the references of files are matched."""

    id: str | None
    """Its id in the catalog; None while it is new."""
    names: Counter[str] = field(default_factory=Counter)
    """Spelling -> files that use it."""
    external_ids: dict[str, str] = field(default_factory=dict)
    """Namespace -> value."""
    file_ids: set[tuple[str, str]] = field(default_factory=set)
    """Those that files give."""


class ArtistMatching:
    """Matches all references at once.

    Artists that an import names are there from the start. References with external ids are matched first, in the order
    of their ids, then those that have a name alone. So the result depends on what files and imports say now, and not on
    the order in which they came, with one exception: a name that fits several artists means the one that the file
    belongs to already, if it is among them.
    """

    def __init__(self, known: Sequence[KnownArtist], *, made_by_hand: Collection[str] = ()) -> None:
        """``made_by_hand``: artists of splits. A name alone means one only where no other artist has it."""
        self.artists: list[MatchedRefs] = []
        self._by_external: dict[tuple[str, str], MatchedRefs] = {}
        self._by_folded: defaultdict[str, list[MatchedRefs]] = defaultdict(list)
        self._made_by_hand = made_by_hand
        self._reusable = [artist for artist in known if not artist.imported or artist.id in made_by_hand]
        for artist in known:
            if artist.imported and artist.id not in made_by_hand:
                self._add_imported(artist)

    def match(self, refs: Mapping[RefKey, ArtistRef]) -> dict[RefKey, MatchedRefs | BadInput | AmbiguousName]:
        """The artist of each reference, or the error that says why there is none."""
        with_ids = sorted((key for key in refs if key[1]), key=lambda key: (key[1], key[0], key[2] or ""))
        without = sorted((key for key in refs if not key[1]), key=lambda key: (key[0], key[2] or ""))
        results: dict[RefKey, MatchedRefs | BadInput | AmbiguousName] = {}
        for rule, keys in ((self._by_ids, with_ids), (self._by_name, without)):
            for key in keys:
                try:
                    results[key] = rule(refs[key], key)
                except (BadInput, AmbiguousName) as error:
                    results[key] = error
            self._give_old_ids()
        for artist in self.artists:
            artist.id = artist.id or uuid.uuid4().hex
        return results

    def _add_imported(self, known: KnownArtist) -> None:
        artist = MatchedRefs(id=known.id, external_ids=dict(known.external_ids))
        self.artists.append(artist)
        for pair in known.external_ids:
            self._by_external[pair] = artist
        for name in {known.name, *known.names}:
            self._add_name(artist, fold(name))

    def _add_name(self, artist: MatchedRefs, folded: str) -> None:
        if folded and artist not in self._by_folded[folded]:
            self._by_folded[folded].append(artist)

    def _new(self) -> MatchedRefs:
        artist = MatchedRefs(id=None)
        self.artists.append(artist)
        return artist

    def _by_ids(self, ref: ArtistRef, key: RefKey) -> MatchedRefs:
        folded, pairs, _ = key
        owners = {id(owner): owner for pair in pairs if (owner := self._by_external.get(pair))}
        if len(owners) > 1:
            ids = ", ".join(f"{namespace}:{value}" for namespace, value in pairs)
            raise BadInput("external_ids_disagree", f"{ids} belong to {len(owners)} different artists")
        artist = next(iter(owners.values()), None)
        if artist is None and not folded:
            raise BadInput("no_artist", "the artist has neither a name nor a known external id; give a name")
        if artist is None:
            alike = self._by_folded.get(folded, [])
            free = len(alike) == 1 and not any(namespace in alike[0].external_ids for namespace, _ in pairs)
            artist = alike[0] if free else self._new()
        self._add_name(artist, folded)
        for namespace, value in pairs:
            has = artist.external_ids.setdefault(namespace, value)
            if has != value:
                raise BadInput("external_ids_disagree", f"{ref.name!r} is {namespace}:{has}, not {namespace}:{value}")
            self._by_external[namespace, value] = artist
            artist.file_ids.add((namespace, value))
        return artist

    def _by_name(self, ref: ArtistRef, key: RefKey) -> MatchedRefs:
        folded, _, current_id = key
        if not folded:
            raise BadInput("no_artist", "the artist has no name; give one")
        owners = self._by_folded.get(folded, [])
        if len(owners) > 1:
            mine = [owner for owner in owners if owner.id is not None and owner.id == current_id]
            if not mine:
                labels = sorted((owner.id or "new", _label(ref.name, owner)) for owner in owners)
                raise AmbiguousName("artist", ref.name, labels)
            return mine[0]
        artist = owners[0] if owners else self._new()
        self._add_name(artist, folded)
        return artist

    def _give_old_ids(self) -> None:
        """Give each new artist the id of the artist that it was before, if there was one with its id or its name.

        An artist that only files named is not there from the start: else a name that no file says any more would make
        others ambiguous. Its id is kept for the day when a file names it again.
        """
        taken = {artist.id for artist in self.artists if artist.id}
        free = [known for known in self._reusable if known.id not in taken]
        by_external = {pair: known for known in reversed(free) for pair in (*known.external_ids, *known.file_ids)}
        by_folded: defaultdict[str, list[KnownArtist]] = defaultdict(list)
        for known in sorted(free, key=lambda known: (known.id in self._made_by_hand, known.retired, known.id)):
            by_folded[fold(known.name)].append(known)
        named = {id(artist): folded for folded, artists in self._by_folded.items() for artist in artists}
        for artist in self.artists:
            if artist.id is not None:
                continue
            pairs = sorted(artist.external_ids.items())
            old = next((by_external[pair] for pair in pairs if pair in by_external), None)
            if old is None or old.id in taken:
                alike = by_folded.get(named.get(id(artist), ""), [])
                old = next((known for known in alike if known.id not in taken and _agree(known, pairs)), None)
            if old is not None:
                artist.id = old.id
                taken.add(old.id)


def _agree(known: KnownArtist, pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether no external id of an old artist contradicts ``pairs``."""
    has = dict((*known.external_ids, *known.file_ids))
    return all(has.get(namespace, value) == value for namespace, value in pairs)


def _label(name: str, artist: MatchedRefs) -> str:
    ids = ", ".join(f"{namespace}:{value}" for namespace, value in sorted(artist.external_ids.items()))
    return f"{name} [{ids}]" if ids else name
