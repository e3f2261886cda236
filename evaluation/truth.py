"""Artists known to be kin, read from a file and looked up in a generation. What cannot be used is recorded, not fatal.

CSV with the columns ``query``, ``item`` and, if grades differ, ``grade``; JSON as a list of
``{"query": …, "items": [{"artist": …, "grade": …}, "…"]}``, or a music-map dump, as ``soundkin import scene`` takes it
(its strengths are the grades, else ``1 / log2(1 + rank)``). Artists are named by name, as ``mbid:…``, by the columns
``query_mbid``, ``item_spotify`` … or by their id in the generation. A grade is at least 0; without one it is 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.measures.rank_metrics import best_graded
from indexer.ingest.scene_map import SceneClaim, read_scene
from indexer.tabular import fields
from indexer.tabular.records import Record, Row, list_rows, read_json, read_records
from indexer.tabular.rejects import Rejected
from recommender.catalog.rows import ArtistRef
from recommender.errors import AmbiguousName, BadInput, InvalidArgument, NotFound
from recommender.lookup import Directory

UNGRADED = 1.0
ABSENT = "not_in_generation"
"""Reason of an artist that nobody here knows: no fault of the row, and it counts for the ceiling."""
_QUERY, _ITEM = ("query_",), ("item_", "artist_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One artist of a reference list."""

    label: str
    row: int
    """In the generation; -1 when it is not there, which lowers the ceiling."""
    grade: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Reference lists of artists that are in the generation."""

    rows: int
    """Rows of the file, rejected ones included."""
    lists: dict[int, tuple[Judged, ...]]
    """Query row -> its list, in the order of the file."""
    rejected: tuple[Rejected, ...]
    """Rows left out, and items that count only for the ceiling, with reasons."""

    def grades(self, query: int) -> dict[int, float]:
        """Row -> grade of what the list of ``query`` holds in the generation."""
        return {item.row: item.grade for item in self.lists[query] if item.row >= 0}

    def reference(self, query: int, k: int) -> frozenset[int]:
        """Rows in the generation among the k best graded of the whole list, ties included."""
        items = self.lists[query]
        best = best_graded([item.grade for item in items], k=k)
        return frozenset(items[place].row for place in best if items[place].row >= 0)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What has been read so far."""

    directory: Directory
    rows: int = 0
    lists: dict[int, dict[str, Judged]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


def read_truth(path: Path, directory: Directory) -> Truth:
    """Read the truth file at ``path``. Raises BadInput when the file as a whole is of no use, and says why."""
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
    """One row a pair of query and item."""
    if path.suffix.lower() != ".json":
        return read_records(path, required=("query|query_mbid|query_spotify", "item|artist|item_mbid|item_spotify"))
    data = read_json(path)
    if isinstance(data, dict) and any(isinstance(entry, list | dict) for entry in data.values()):
        return (row for item in read_scene(path) if (row := _listed(item)))
    return (part for row in list_rows(path, data) for part in _spread(row))


def _listed(item: SceneClaim | Rejected) -> Row | None:
    """What a scene map says, as a row: graded by strength, else by rank, else not; None of a list without anybody."""
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
    """A JSON object with a list of items as one row an item; any other row as it is."""
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
    """Enter one item into the list of ``query``; one that is not in the generation is entered and told."""
    label = item.name or ":".join(item.external_ids[0])
    try:
        row = find_artist(reading.directory, item)
    except BadInput as error:
        reading.rejected.append(record.reject(error.reason, f"{error.detail}; it counts for the ceiling"))
        row = -1
    if row == query:
        reading.rejected.append(record.reject("same_artist", "an artist is no answer to itself"))
        return
    listed = reading.lists.setdefault(query, {})
    key = str(row) if row >= 0 else f"? {label.casefold()}"
    if key in listed and listed[key].grade != grade:
        reading.rejected.append(record.reject("duplicate_row", f"{label} has the grade {listed[key].grade:g} already"))
    else:
        listed[key] = Judged(label=label, row=row, grade=grade)


def find_artist(directory: Directory, artist: ArtistRef) -> int:
    """Row of ``artist``: by an external id that is known, else by name, else by our own id.

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
        raise BadInput(ABSENT, f"no artist is called {artist.name!r}, nor has it for an id") from error


def _named(directory: Directory, name: str) -> int:
    try:
        return directory.artist_by_name(name)
    except NotFound:
        return directory.artist_by_id(name)
