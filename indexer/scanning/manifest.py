"""What the operator says about audio files: one row a file, which speaks before tags and folders do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from indexer.tabular import fields
from indexer.tabular.records import Record, read_records
from indexer.tabular.rejects import Rejected
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """What a manifest says about one file."""

    file: str
    """Relative path with forward slashes, as the operator's row names it, ``./`` dropped."""
    artist: ArtistRef
    title: str | None
    genres: tuple[str, ...] | None
    """Folded; None when the row has no genre, which says nothing about the artist's genres."""
    record: Record
    """The row it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest's good rows by file, and its bad ones."""

    path: Path
    rows: Mapping[str, ManifestRow]
    rejected: tuple[Rejected, ...]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, ``.csv`` or ``.jsonl`` (a ``.json`` list will do). Unknown columns are ignored.

    Columns: ``file`` and ``artist``; where known ``title``, ``genre`` or ``genres`` (several by ``;`` or ``|``), and
    external ids in ``mbid``, ``spotify``, ``deezer``, ``discogs`` or ``external_id:NAMESPACE``. ``file`` is relative to
    the manifest's folder or to the scanned one. What a cell holds is text, whatever it looks like to a spreadsheet.

    Raises BadInput when the file as a whole is of no use.
    """
    rows: dict[str, ManifestRow] = {}
    rejected: list[Rejected] = []
    for item in read_records(path, required=("file", "artist")):
        row = item if isinstance(item, Rejected) else _row(item, rows)
        if isinstance(row, Rejected):
            rejected.append(row)
        else:
            rows[row.file] = row
    return Manifest(path=path, rows=rows, rejected=tuple(rejected))


def _row(record: Record, earlier: Mapping[str, ManifestRow]) -> ManifestRow | Rejected:
    try:
        row = ManifestRow(
            file=_file(record),
            artist=fields.artist(record, "artist", prefixes=("", "artist_")),
            title=fields.text(record, "title"),
            genres=fields.genres(record, "genre", "genres"),
            record=record,
        )
    except BadInput as error:
        return record.reject(error.reason, error.detail)
    if row.file in earlier:
        first = earlier[row.file].record
        return record.reject("duplicate_row", f"{row.file!r} has a row already, at {first.line or first.key}")
    return row


def _file(record: Record) -> str:
    value = record.fields.get("file")
    if not isinstance(value, str) or not value.strip():
        raise BadInput("no_file", "'file' is empty or missing; name the file")
    if any(ord(char) < 32 for char in value):
        raise BadInput("bad_text", "the file's name holds control characters")
    path = PurePosixPath(value.strip())
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadInput("outside_folder", f"{value!r} is not a path inside the folder; make it relative, without '..'")
    return str(path)
