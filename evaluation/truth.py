"""Reads a truth file: lists of artists known to be similar, matched with the artists of a generation.

A row that cannot be used is recorded with its reason; the other rows are still read.


CSV with the columns ``query``, ``item`` and, if grades differ, ``grade``; JSON as a list of
``{"query": …, "items": [{"artist": …, "grade": …}, "…"]}``, or a music-map dump, as ``soundkin import scene`` takes it
(its strengths are the grades, else ``1 / log2(1 + rank)``). An artist is given by name, as ``mbid:…``, in the columns
``query_mbid``, ``item_spotify`` … or by its id in the generation. A grade is at least 0, and 1 where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
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


def _rows(path: Path) -> Iterator[Row]:
    """One row for each pair of query and item."""
    if path.suffix.lower() != ".json":
        try:
            first = read_records(
                path, required=("query|query_mbid|query_spotify", "item|artist|item_mbid|item_spotify")
            )
        except BadInput as error:
            if error.reason != "no_header":
                raise
            try:
                return (row for item in read_scene(path) if (row := _listed(item)))
            except BadInput:
                raise error from None
        return (_as_truth(row) for row in first)
    data = read_json(path)
    if isinstance(data, dict) and any(isinstance(entry, list | dict) for entry in data.values()):
        return (row for item in read_scene(path) if (row := _listed(item)))
    return (part for row in list_rows(path, data) for part in _spread(_as_truth(row)))


def _as_truth(row: Row) -> Row:
    """A row of a scene map, ``artist`` and ``similar``, as a row of a truth; any other row unchanged."""
    if isinstance(row, Rejected) or "similar" not in row.fields or "query" in row.fields:
        return row
    named = {"query": row.fields.get("artist"), "item": row.fields["similar"]}
    grade = row.fields.get("grade", row.fields.get("strength"))
    rank = row.fields.get("rank")
    if grade is None and isinstance(rank, int | float | str) and str(rank).strip().isdigit():
        grade = 1.0 / math.log2(1.0 + max(int(rank), 1))
    given = {name: value for name, value in (named | {"grade": grade}).items() if value is not None}
    return Record(path=row.path, line=row.line, key=row.key, fields=given)


def _listed(item: SceneClaim | Rejected) -> Row | None:
    """One entry of a scene map as a row, graded by strength, else by rank, else not; None for an empty list."""
    if isinstance(item, Rejected):
        return item
    if item.neighbour is None:
        return None
    grade = item.strength
    if grade is None and item.rank is not None:
        grade = 1.0 / math.log2(1.0 + item.rank)
    row = {"query": item.artist.name, "item": item.neighbour.name, "grade": grade}
    given = {name: value for name, value in row.items() if value is not None}
    return Record(path=item.record.path, key=item.record.key, fields=given)


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


def _take(reading: _Reading, record: Record) -> None:
    try:
        query = fields.artist(record, "query", prefixes=_QUERY)
        item = fields.artist(record, "item" if "item" in record.fields else "artist", prefixes=_ITEM)
        grade = fields.number(record, "grade")
        asked = find_artist(reading.directory, query)
    except BadInput as error:
        reading.rejected.append(record.reject(error.reason, error.detail))
        return
    _judge(reading, record, asked, item, UNGRADED if grade is None else grade)


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
