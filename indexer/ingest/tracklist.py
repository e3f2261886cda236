"""Reads the operator's tracklist (one row for each audio file) and finds the file that each row describes.

A tracklist row takes precedence over the file's tags and its folder (:mod:`indexer.ingest.identify`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from indexer.ingest.walk_folder import Walk
from indexer.tabular import fields
from indexer.tabular.records import Record, Rejected, read_records
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class TracklistRow:
    """What a tracklist says about one file."""

    file: str
    """Relative path with forward slashes, as in the operator's row, without a leading ``./``."""
    artist: ArtistRef
    title: str | None
    genres: tuple[str, ...] | None
    """Folded; None when the row gives no genre: the artist's genres then stay as they are."""
    record: Record
    """The row of the file it was read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracklist:
    """The valid rows of a tracklist, by file, and the rejected ones."""

    path: Path
    rows: Mapping[str, TracklistRow]
    """``TracklistRow.file`` -> row."""
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracklistMatch:
    """The rows of a tracklist that belong to files of a scanned folder."""

    rows: Mapping[str, TracklistRow]
    """Absolute path of the file -> row."""
    rejected: tuple[Rejected, ...]
    """Rows that are invalid, match no file, or match a file that has a row already."""


NO_TRACKLIST = TracklistMatch(rows={}, rejected=())
"""The match of a scan without a tracklist."""


def read_tracklist(path: Path) -> Tracklist:
    """Read a tracklist, ``.csv`` or ``.jsonl`` (a ``.json`` list works too). Unknown columns are ignored.

    Columns: ``file`` and ``artist``; optional ``title``, ``genre`` or ``genres`` (several by ``;``, ``|``, ``,`` or
    ``/``), and external ids in ``mbid``, ``spotify``, ``deezer``, ``discogs`` or ``external_id:NAMESPACE``. ``file`` is
    relative to the scanned folder or to the tracklist's own. Every cell is read as text, even when it looks like a
    number.

    Raises BadInput when the file as a whole cannot be used.
    """
    rows: dict[str, TracklistRow] = {}
    rejected: list[Rejected] = []
    for item in read_records(path, required=("file", "artist")):
        row = item if isinstance(item, Rejected) else _row(item, rows)
        if isinstance(row, Rejected):
            rejected.append(row)
        else:
            rows[row.file] = row
    return Tracklist(path=path, rows=rows, rejected=tuple(rejected))


def match(tracklist: Tracklist, folder: Walk) -> TracklistMatch:
    """Find the audio file of each row, first relative to the scanned ``folder``, then to the tracklist's own folder.

    Names that differ only in their Unicode normal form are equal, because macOS writes file names decomposed. A row is
    rejected as ``file_not_found`` when no audio file has that name, and as ``duplicate_row`` when its file has a row.
    """
    by_name = {_composed(file.path): file.path for file in folder.files}
    by_name |= {file.path: file.path for file in folder.files}  # an exact name wins over a normalised one
    rows: dict[str, TracklistRow] = {}
    rejected: list[Rejected] = []
    for row in tracklist.rows.values():
        path = _path(row, (folder.root, tracklist.path.resolve().parent), by_name)
        if path is None:
            detail = f"there is no audio file {row.file!r} in {folder.root}, nor in the folder of the tracklist"
            rejected.append(row.record.reject("file_not_found", detail))
        elif path in rows:
            rejected.append(row.record.reject("duplicate_row", f"{row.file!r} has a row already: {rows[path].file!r}"))
        else:
            rows[path] = row
    return TracklistMatch(rows=rows, rejected=(*tracklist.rejected, *rejected))


def _row(record: Record, earlier: Mapping[str, TracklistRow]) -> TracklistRow | Rejected:
    try:
        row = TracklistRow(
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
        raise BadInput("bad_text", "the file's name contains control characters")
    path = PurePosixPath(value.strip())
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadInput("outside_folder", f"{value!r} is not a path inside the folder; make it relative, without '..'")
    return str(path)


def _path(row: TracklistRow, folders: tuple[Path, ...], by_name: Mapping[str, str]) -> str | None:
    wanted = [str(folder / row.file) for folder in folders]
    spellings = [*wanted, *map(_composed, wanted)]
    return next((by_name[name] for name in spellings if name in by_name), None)


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)
