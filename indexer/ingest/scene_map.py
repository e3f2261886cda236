"""Reads scene files of several formats into one form: artist, neighbour, rank, strength."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.tabular import fields
from indexer.tabular.records import Record, Rejected, Row, list_rows, read_json, read_records
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput
from recommender.names import fold

_COLUMNS = ("artist", "similar")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneClaim:
    """``neighbour`` is in the list of ``artist``; None when the source has an empty list of this artist."""

    record: Record
    artist: ArtistRef
    neighbour: ArtistRef | None
    rank: int | None = None
    strength: float | None = None


Item = SceneClaim | Rejected


def read_scene(path: Path) -> Iterator[Item]:
    """Read a scene file in any format that :func:`indexer.ingest.imports.import_scene` names.

    Raises BadInput when the file as a whole cannot be used.
    """
    if path.suffix.lower() != ".json":
        return map(_row, read_records(path, required=_COLUMNS))
    data = read_json(path)
    if isinstance(data, dict):
        return (item for name, entry in data.items() for item in _entry(str(path), name, entry))
    return map(_row, list_rows(path, data))


def _row(row: Row) -> Item:
    """A row that names both artists."""
    return (
        row if isinstance(row, Rejected) else _attempt(row, lambda: fields.artist(row, "artist", prefixes=("artist_",)))
    )


def _entry(path: str, name: str, entry: object) -> Iterator[Item]:
    """The claims in one artist's entry of a JSON object."""
    record = Record(path=path, key=name, fields={"artist": name})
    try:
        artist = fields.artist(record, "artist", prefixes=())
        listed = list(_listed(record, entry))
    except BadInput as error:
        yield record.reject(error.reason, error.detail)
        return
    for neighbour in listed:
        yield _attempt(neighbour, lambda: artist)
    if not listed:
        yield SceneClaim(record=record, artist=artist, neighbour=None)


def _listed(record: Record, entry: object) -> Iterator[Record]:
    """One record for each neighbour, from the three formats of an entry. Raises BadInput."""
    if isinstance(entry, dict) and (isinstance(entry.get("status"), str) or "similar_artists" in entry):
        entry = _dumped(entry)
    elif isinstance(entry, dict):
        entry = [{"name": name, "strength": strength} for name, strength in entry.items()]
    if not isinstance(entry, list):
        raise BadInput("bad_json", f"expected a list or an object of neighbours, not {type(entry).__name__}")
    for index, item in enumerate(entry):
        given = {"name": item} if isinstance(item, str) else item
        if not isinstance(given, dict):
            raise BadInput("bad_json", f"neighbour {index} is neither a name nor an object")
        yield Record(path=record.path, key=f"{record.key}[{index}]", fields=_renamed(given))


def _dumped(entry: Mapping[str, object]) -> object:
    """The neighbours in an entry of a music-map dump. Raises BadInput for an entry that could not be fetched."""
    if entry.get("status", "success") != "success":
        raise BadInput("source_error", f"the source had no list: {entry.get('error') or entry.get('status')}")
    return entry.get("similar_artists", [])


def _renamed(given: Mapping[str, object]) -> dict[str, object]:
    names = {"name": "similar", "relationship_strength": "strength"}
    return {names.get(name, name): value for name, value in given.items() if value not in (None, "")}


def _attempt(record: Record, artist: Callable[[], ArtistRef]) -> Item:
    try:
        owner, neighbour = artist(), fields.artist(record, "similar", prefixes=("similar_",))
        _require_two(owner, neighbour)
        return SceneClaim(
            record=record,
            artist=owner,
            neighbour=neighbour,
            rank=fields.integer(record, "rank", minimum=1),
            strength=fields.number(record, "strength", "score"),
        )
    except BadInput as error:
        return record.reject(error.reason, error.detail)


def _require_two(one: ArtistRef, other: ArtistRef) -> None:
    """Raise BadInput for a row that lists an artist near itself, before that artist is added to the catalog."""
    if (fold(one.name), one.external_ids) == (fold(other.name), other.external_ids):
        raise BadInput("self_edge", "both names mean the same artist")
