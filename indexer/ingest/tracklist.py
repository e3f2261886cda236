"""What the operator says about audio files: one row a file, which speaks before tags and folders do."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from indexer.ingest.walk_folder import Walk
from indexer.tabular import fields
from indexer.tabular.records import Record, read_records
from indexer.tabular.rejects import Rejected
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Rows by the absolute path of their file, and every row that is of no use here."""

    rows: Mapping[str, ManifestRow]
    rejected: tuple[Rejected, ...]


NOTHING = Matched(rows={}, rejected=())
"""What there is without a manifest."""


def match(manifest: Manifest, found: Walk) -> Matched:
    """Give each row the file it names, seen from the scanned folder or else from the manifest's.

    A name that differs from the file's only in Unicode's normal form (macOS decomposes names) is the same name. Rows
    are rejected as ``file_not_found`` when no audio file of that name was found, ``duplicate_row`` when it has one.
    """
    by_name = {_composed(file.path): file.path for file in found.files}
    by_name |= {file.path: file.path for file in found.files}
    rows: dict[str, ManifestRow] = {}
    rejected: list[Rejected] = []
    for row in manifest.rows.values():
        path = _path(row, (found.root, manifest.path.resolve().parent), by_name)
        if path is None:
            detail = f"there is no audio file {row.file!r} in {found.root}, nor beside the manifest and inside it"
            rejected.append(row.record.reject("file_not_found", detail))
        elif path in rows:
            rejected.append(row.record.reject("duplicate_row", f"{row.file!r} has a row already: {rows[path].file!r}"))
        else:
            rows[path] = row
    return Matched(rows=rows, rejected=(*manifest.rejected, *rejected))


def _path(row: ManifestRow, folders: tuple[Path, ...], by_name: Mapping[str, str]) -> str | None:
    wanted = [str(folder / row.file) for folder in folders]
    spellings = [*wanted, *map(_composed, wanted)]
    return next((by_name[name] for name in spellings if name in by_name), None)


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


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
