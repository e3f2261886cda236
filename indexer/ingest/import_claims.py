"""What a row of an import claims about artists, before they are looked up; and how a run of claims is entered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from indexer.tabular.records import Record
from indexer.tabular.rejects import Rejected, reason_of
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistRef, Changes, MatchedArtist, MatchResult
from recommender.errors import BadInput

BATCH = 1000
"""Claims looked up and written at once."""

NounT = TypeVar("NounT")
KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[NounT]):
    """A good row: the artists it names, and how to make a catalog row of their ids."""

    record: Record
    artists: tuple[ArtistRef, ...]
    make: Callable[..., NounT]
    """Takes the artists' ids in order. May raise BadInput, for what shows only once they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of the rows of one file. ``rows`` is imported + unchanged + rejected."""

    rows: int
    imported: int
    """Rows that were new, or changed what was known."""
    unchanged: int
    """Rows that said what was known already."""
    new_artists: int
    """Artists nobody had heard of: known from now on, not indexed."""
    rejected: tuple[Rejected, ...]


@dataclass(slots=True, kw_only=True)
class Tally(Generic[NounT]):
    """Counts of a running import, and the rows it has seen, to find those that contradict one another."""

    imported: int = 0
    unchanged: int = 0
    new_artists: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    _seen: dict[object, tuple[NounT, Record]] = field(default_factory=dict)

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
        """Whether a row is the first with its key. A repetition is counted, a contradiction rejected."""
        if key not in self._seen:
            self._seen[key] = (noun, record)
            return True
        before, first = self._seen[key]
        if before == noun:
            self.unchanged += 1
        else:
            detail = f"contradicts the row at {first.line or first.key}, which stands"
            self.rejected.append(record.reject("duplicate_row", detail))
        return False


def enter(
    catalog: Catalog,
    claims: Iterable[Claim[NounT] | Rejected],
    *,
    key: Callable[[NounT], object],
    write: Callable[[Sequence[NounT]], Changes],
) -> ImportReport:
    """Look up the artists of ``claims`` and write what is claimed, all in one transaction.

    ``key`` tells rows apart that ``write`` could not both keep. Artists that nobody knows are added.
    """
    tally: Tally[NounT] = Tally()
    remaining = iter(claims)
    with catalog.transaction():
        while batch := list(islice(remaining, BATCH)):
            good = [item for item in batch if isinstance(item, Claim)]
            tally.rejected += [item for item in batch if isinstance(item, Rejected)]
            nouns = [noun for noun, record in _nouns(catalog, good, tally) if tally.admit(noun, key(noun), record)]
            changes = write(nouns)
            tally.imported += changes.written
            tally.unchanged += len(nouns) - changes.written
    return tally.report()


def _nouns(catalog: Catalog, claims: Sequence[Claim[NounT]], tally: Tally[NounT]) -> Iterator[tuple[NounT, Record]]:
    found = iter(catalog.find_or_add_artists([ref for claim in claims for ref in claim.artists]))
    for claim in claims:
        artists = list(islice(found, len(claim.artists)))
        tally.new_artists += sum(isinstance(artist, MatchedArtist) and artist.is_new for artist in artists)
        try:
            yield claim.make(*map(_identifier, artists)), claim.record
        except BadInput as error:
            tally.rejected.append(claim.record.reject(error.reason, error.detail))


def _identifier(artist: MatchResult) -> str:
    if isinstance(artist, MatchedArtist):
        return artist.artist_id
    raise BadInput(*reason_of(artist)) from artist
