"""Imports claims about artists: looks up the artists that each row names, and writes the rows to the catalog.

The readers of genres, scenes and collaborations (:mod:`indexer.ingest.imports`) make the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Generic, TypeVar

from indexer.ingest.placeholders import PLACEHOLDER_MBIDS, is_placeholder
from indexer.ingest.seen_rows import SeenRows
from indexer.tabular.records import Record, Rejected, Row, reason_of
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistRef, Changes, MatchedArtist, MatchResult
from recommender.errors import BadInput, InvalidArgument

BATCH = 1000
"""Claims looked up and written at once."""

NounT = TypeVar("NounT")
SourceName = Callable[[], str]
"""Returns the name of a row's source, after adding the source to the catalog. Raises as :func:`permission` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[NounT]):
    """A valid row of a file: the artists it names, and how to make a catalog row from their ids."""

    record: Record
    artists: tuple[ArtistRef, ...]
    make: Callable[..., NounT]
    """Takes the matched artists, in order. May raise BadInput for a fault that only they show, such as a self edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The counts of one import. ``rows`` is imported + unchanged + rejected."""

    rows: int
    imported: int
    """Rows that were new, or changed a row of the catalog."""
    unchanged: int
    """Rows that were in the catalog already."""
    new_artists: int
    """Artists that were not in the catalog: they are now, without audio."""
    rejected: tuple[Rejected, ...]


@dataclass(slots=True, kw_only=True)
class Tally(Generic[NounT]):
    """Counts of a running import, and the rows it has had, to detect repetitions and contradictions."""

    imported: int = 0
    unchanged: int = 0
    new_artists: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    _seen: SeenRows = field(default_factory=SeenRows)
    _number: int = 0

    def report(self) -> ImportReport:
        """The counts so far."""
        return ImportReport(
            rows=self.imported + self.unchanged + len(self.rejected),
            imported=self.imported,
            unchanged=self.unchanged,
            new_artists=self.new_artists,
            rejected=tuple(sorted(self.rejected, key=lambda item: (item.line or 0, item.key or ""))),
        )

    def admit(self, noun: NounT, key: object, record: Record) -> bool:
        """Whether a row is the first with its key. An equal later row is counted, a different one rejected."""
        self._number += 1
        first = self._seen.add(hash(key), hash(noun), line=record.line or self._number)
        if first is None:
            return True
        if first.content == hash(noun):
            self.unchanged += 1
        else:
            place = f"at {first.line}" if record.line else f"that is number {first.line} in the file"
            self.rejected.append(record.reject("duplicate_row", f"contradicts the row {place}, which is kept"))
        return False


def parsed(rows: Iterable[Row], parse: Callable[[Record], Sequence[Claim[NounT]]]) -> Iterator[Claim[NounT] | Rejected]:
    """The claims of ``rows``, by ``parse``; a row for which it raises BadInput is rejected."""
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        try:
            claims = parse(row)
        except BadInput as error:
            yield row.reject(error.reason, error.detail)
        else:
            yield from claims


def permission(catalog: Catalog, source: str, licence: str) -> Callable[[str], str]:
    """Make a function that adds a row's source to the catalog, when the row is written, and returns the source's name.

    It raises InvalidArgument when ``source`` is recorded with another licence than ``licence``; BadInput
    ``bad_source`` for a source that only the row names.
    """

    @cache
    def permit(name: str) -> str:
        try:
            catalog.ensure_source(name, licence)
        except InvalidArgument as error:
            if name == source:
                raise
            raise BadInput("bad_source", error.problem) from error
        return name

    return permit


def enter(
    catalog: Catalog,
    claims: Iterable[Claim[NounT] | Rejected],
    *,
    key: Callable[[NounT], object],
    write: Callable[[Sequence[NounT]], Changes],
    source: str,
) -> ImportReport:
    """Look up the artists of ``claims`` and write their rows, all in one transaction. Unknown artists are added.

    Args:
        catalog: where to write.
        claims: valid and rejected rows, in the order of the file.
        key: rows with the same key cannot both be written; the first one is.
        write: writes some rows, and returns what changed.
        source: the import, by which the artists of its rows are named.
    """
    tally: Tally[NounT] = Tally()
    remaining = iter(claims)
    with catalog.transaction():
        while batch := list(islice(remaining, BATCH)):
            checked = [_without_placeholders(item) if isinstance(item, Claim) else item for item in batch]
            good = [item for item in checked if isinstance(item, Claim)]
            tally.rejected += [item for item in checked if isinstance(item, Rejected)]
            nouns = [
                noun for noun, record in _nouns(catalog, good, tally, source) if tally.admit(noun, key(noun), record)
            ]
            changes = write(nouns)
            tally.imported += changes.written
            tally.unchanged += len(nouns) - changes.written
        if tally.imported:
            catalog.facts_may_differ()
    return tally.report()


def _without_placeholders(claim: Claim[NounT]) -> Claim[NounT] | Rejected:
    """The claim, unless one of its artists is a name or an id that identifies nobody."""
    for ref in claim.artists:
        nameless = is_placeholder(ref.name) if ref.name else False
        ids = {value.lower() for namespace, value in ref.external_ids if namespace == "mbid"}
        if ids & PLACEHOLDER_MBIDS or (nameless and not ref.external_ids):
            named = ref.name or next(iter(ids))
            detail = f"{named!r} stands for no artist; name the artist, or leave the row out"
            return claim.record.reject("no_artist", detail)
    return claim


def _nouns(
    catalog: Catalog, claims: Sequence[Claim[NounT]], tally: Tally[NounT], source: str
) -> Iterator[tuple[NounT, Record]]:
    refs = [ref for claim in claims for ref in claim.artists]
    identified = iter(catalog.find_or_add_artists(refs, source=source))
    for claim in claims:
        artists = list(islice(identified, len(claim.artists)))
        tally.new_artists += sum(isinstance(artist, MatchedArtist) and artist.is_new for artist in artists)
        try:
            yield claim.make(*map(_matched, artists)), claim.record
        except BadInput as error:
            tally.rejected.append(claim.record.reject(error.reason, error.detail))


def _matched(artist: MatchResult) -> MatchedArtist:
    if isinstance(artist, MatchedArtist):
        return artist
    raise BadInput(*reason_of(artist)) from artist
