"""Reads a truth file: lists of artists known to be similar, matched with the artists of a generation.

A row that cannot be used is recorded with its reason; the other rows are still read.

CSV with the columns ``query``, ``item`` and, if grades differ, ``grade`` (or ``strength``, ``score``, ``rank``); JSON
as a list of ``{"query": …, "items": [{"artist": …, "grade": …}, "…"]}``; or any file that ``soundkin import scene``
takes, whose left column is the query. Without a grade it is ``1 / log2(1 + rank)``, and without a rank 1. An artist is
given by name, as ``mbid:…``, in the columns ``query_mbid``, ``item_spotify`` … or by its id in the generation. A grade
is at least 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from evaluation.measures.rank_metrics import best_graded
from indexer.ingest.scene_map import SceneClaim, read_scene
from indexer.tabular import fields
from indexer.tabular.records import Record, Rejected, Row, list_rows, read_json, read_records
from recommender.catalog.rows import ArtistRef
from recommender.errors import AmbiguousName, BadInput, InvalidArgument, NotFound
from recommender.lookup import Directory

UNGRADED = 1.0
"""Grade of an item without one."""
ABSENT = "not_in_generation"
"""Reason for an artist that is not in the generation. The row is not at fault, and the item lowers the ceiling."""
_QUERY, _ITEM = ("query_",), ("item_", "artist_")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedArtist:
    """One artist of a reference list."""

    label: str
    row: int
    """Row in the generation; -1 when it is not there, which lowers the ceiling."""
    grade: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Reference lists of artists that are in the generation."""

    rows: int
    """Rows of the file, rejected ones included."""
    lists: dict[int, tuple[GradedArtist, ...]]
    """Query row -> its list, in the order of the file."""
    rejected: tuple[Rejected, ...]
    """Rows that were left out and items that only lower the ceiling, with reasons."""

    def grades(self, query: int) -> dict[int, float]:
        """Row -> grade of the items of ``query`` that are in the generation."""
        return {item.row: item.grade for item in self.lists[query] if item.row >= 0}

    def reference(self, query: int, k: int) -> frozenset[int]:
        """Rows in the generation among the k best graded of the whole list, ties included."""
        items = self.lists[query]
        best = best_graded([item.grade for item in items], k=k)
        return frozenset(items[place].row for place in best if items[place].row >= 0)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The state while a truth file is read."""

    directory: Directory
    rows: int = 0
    lists: dict[int, dict[str, GradedArtist]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


def read_truth(path: Path, directory: Directory) -> Truth:
    """Read the truth file at ``path``. Raises BadInput with the reason when the whole file cannot be used."""
    reading = _Reading(directory=directory)
    for row in _rows(path):
        reading.rows += 1
        if isinstance(row, Rejected):
            reading.rejected.append(row)
        else:
            _take(reading, row)
    lists = {query: tuple(items.values()) for query, items in reading.lists.items()}
    return Truth(rows=reading.rows, lists=lists, rejected=tuple(reading.rejected))


def _rows(path: Path) -> Iterator[Row | SceneClaim]:
    """One row for each pair of query and item; in a scene file, one claim for each pair."""
    if path.suffix.lower() == ".json":
        data = read_json(path)
        if _is_scene(data):
            return _listings(path)
        return (part for row in list_rows(path, data) for part in _spread(row))
    try:
        rows = read_records(path, required=("query|query_mbid|query_spotify", "item|artist|item_mbid|item_spotify"))
    except BadInput as error:
        if error.reason != "no_header":
            raise
        try:
            return _listings(path)
        except BadInput:
            raise error from None
    first = next(rows, None)
    if isinstance(first, Record) and _is_scene([first.fields]):
        return _listings(path)
    return (part for row in chain([first] if first else [], rows) for part in _spread(row))


def _is_scene(data: object) -> bool:
    """Whether JSON has a form of ``soundkin import scene``: an object by artist, or rows of ``artist``, ``similar``."""
    if isinstance(data, dict):
        return any(isinstance(entry, list | dict) for entry in data.values())
    names = (
        {str(name).lower() for row in data if isinstance(row, dict) for name in row} if isinstance(data, list) else ()
    )
    return "similar" in names and "query" not in names


def _listings(path: Path) -> Iterator[Rejected | SceneClaim]:
    """The claims of a scene file; an empty list is no row of a truth."""
    return (item for item in read_scene(path) if isinstance(item, Rejected) or item.neighbour is not None)


def _spread(row: Row) -> Iterator[Row]:
    """A JSON object with a list of items as one row per item; any other row unchanged."""
    if isinstance(row, Rejected) or "items" not in row.fields:
        yield row
        return
    items = row.fields["items"]
    if not isinstance(items, list):
        yield row.reject("bad_json", f"items must be a list, not {type(items).__name__}")
        return
    asked = {name: value for name, value in row.fields.items() if name != "items"}
    for place, item in enumerate(items):
        given = {"artist": item} if isinstance(item, str) else item
        part = Record(path=row.path, key=f"{row.key}.items[{place}]", fields=asked)
        if isinstance(given, dict):
            named = {str(name).lower(): value for name, value in given.items() if value not in (None, "")}
            yield Record(path=row.path, key=part.key, fields=asked | named)
        else:
            yield part.reject("bad_json", f"an item is a name or an object, not {type(item).__name__}")


def _take(reading: _Reading, row: Record | SceneClaim) -> None:
    record = row.record if isinstance(row, SceneClaim) else row
    try:
        query, item, grade = _of_claim(row) if isinstance(row, SceneClaim) else _of_record(row)
        asked = find_artist(reading.directory, query)
    except BadInput as error:
        reading.rejected.append(record.reject(error.reason, error.detail))
        return
    _judge(reading, record, asked, item, grade)


def _of_record(record: Record) -> tuple[ArtistRef, ArtistRef, float]:
    """Query, item and grade of a row. Raises BadInput."""
    query = fields.artist(record, "query", prefixes=_QUERY)
    item = fields.artist(record, "item" if "item" in record.fields else "artist", prefixes=_ITEM)
    grade = fields.number(record, "grade", "strength", "score")
    return query, item, _graded(grade, fields.integer(record, "rank", minimum=1))


def _of_claim(claim: SceneClaim) -> tuple[ArtistRef, ArtistRef, float]:
    """The same of a claim, with the names and ids of both. Raises BadInput for an empty list."""
    if claim.neighbour is None:
        raise BadInput("no_artist", "the list is empty")
    return claim.artist, claim.neighbour, _graded(claim.strength, claim.rank)


def _graded(strength: float | None, rank: int | None) -> float:
    """The grade: the strength, else ``1 / log2(1 + rank)``, else 1."""
    if strength is not None:
        return strength
    return UNGRADED if rank is None else 1.0 / math.log2(1.0 + rank)


def _judge(reading: _Reading, record: Record, query: int, item: ArtistRef, grade: float) -> None:
    """Add one item to the list of ``query``. One that is not in the generation is added with row -1 and recorded."""
    label = item.name or ":".join(item.external_ids[0])
    try:
        row = find_artist(reading.directory, item)
    except BadInput as error:
        reading.rejected.append(record.reject(error.reason, f"{error.detail}; it counts for the ceiling"))
        row = -1
    if row == query:
        reading.rejected.append(record.reject("same_artist", "an artist cannot be its own answer"))
        return
    listed = reading.lists.setdefault(query, {})
    key = str(row) if row >= 0 else f"? {label.casefold()}"
    if key in listed and listed[key].grade != grade:
        reading.rejected.append(record.reject("duplicate_row", f"{label} has the grade {listed[key].grade:g} already"))
    else:
        listed[key] = GradedArtist(label=label, row=row, grade=grade)


def find_artist(directory: Directory, artist: ArtistRef) -> int:
    """Row of ``artist``: by a known external id, else by name, else by its id in the generation.

    Raises BadInput ``not_in_generation`` or ``ambiguous_name``.
    """
    for namespace, value in artist.external_ids:
        try:
            return directory.artist_by_external_id(namespace, value)
        except NotFound:
            continue
    if not artist.name:
        raise BadInput(ABSENT, f"no artist has the id {':'.join(artist.external_ids[0])}")
    try:
        return _named(directory, artist.name)
    except AmbiguousName as error:
        raise BadInput("ambiguous_name", str(error)) from error
    except (NotFound, InvalidArgument) as error:
        raise BadInput(ABSENT, f"no artist has the name or the id {artist.name!r}") from error


def _named(directory: Directory, name: str) -> int:
    try:
        return directory.artist_by_name(name)
    except NotFound:
        return directory.artist_by_id(name)
