"""The ledger of scanned audio files: what each path has, what it says, and why a file was rejected."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from recommender.catalog.file_facts import FileTags, RowFacts
from recommender.catalog.rows import FileRecord
from recommender.catalog.tables import clips, extractions, files
from recommender.catalog.transactions import OpenDatabase
from recommender.catalog.upsert import batches, update, upsert
from recommender.retry_schedule import POISON, RETRY_AFTER_RUNS

logger = logging.getLogger(__name__)

_JSON: Mapping[str, tuple[str, msgspec.json.Decoder[Any]]] = {  # Any: each decoder has its own type
    "tags": ("tags", msgspec.json.Decoder(FileTags)),
    "row": ("tracklist_row", msgspec.json.Decoder(RowFacts)),
    "layout": ("layout", msgspec.json.Decoder(tuple[str, ...])),
}
"""Field of :class:`FileRecord` -> column with its JSON, and the decoder."""

_PLAIN = tuple(field.name for field in fields(FileRecord) if field.name not in _JSON)


class Files(OpenDatabase):
    """The part of the catalog with the ledger of files."""

    def record_files(self, records: Sequence[FileRecord]) -> None:
        """Store the results of a scan, one record for each path, in place of earlier records of these paths.

        A clip that no file has any more belongs to no track afterwards. Where a clip was read from a file that has
        another one now, it is read from a file that still has it. Where a file changed and still has the same clip, the
        clip's failures of decoders and encoders are forgotten, so that it is tried again.
        """
        with self._writing() as connection:
            earlier = _read(connection, [record.path for record in records])
            upsert(connection, files, [_to_row(record) for record in records], keys=["path"], by=["path"])
            changed = [(earlier[record.path], record) for record in records if record.path in earlier]
            _retry_changed(connection, changed)
            _leave_clips(connection, [(old.clip_id, old.path) for old, new in changed if old.clip_id != new.clip_id])

    def set_vanished(self, paths: Sequence[str], *, at: str | None) -> None:
        """Record when these files were first missed, or with None that they are there again."""
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                connection.execute(files.update().where(files.c.path.in_(part)).values(vanished_at=at))

    def forget_files(self, paths: Sequence[str]) -> None:
        """Delete the records of these files. Clips stay, with their embeddings; without a file they have no track."""
        with self._writing() as connection:
            earlier = _read(connection, paths)
            for part in batches(sorted(earlier)):
                connection.execute(files.delete().where(files.c.path.in_(part)))
            _leave_clips(connection, [(record.clip_id, path) for path, record in earlier.items()])

    def set_rejections(self, problems: Mapping[str, tuple[str, str] | None]) -> None:
        """Set (reason, detail) of files by path; None takes the rejection back."""
        with self._writing() as connection:
            rows = [(path, *(problem or (None, None))) for path, problem in sorted(problems.items())]
            changed = [{"path": path, "reason": reason, "detail": detail} for path, reason, detail in rows]
            update(connection, files, changed, keys=["path"])

    def count_skipped_files(self, paths: Sequence[str]) -> None:
        """Reduce ``skip_runs`` by one for each of these files, because this run skipped them."""
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                waiting = files.c.path.in_(part) & (files.c.skip_runs > 0)
                connection.execute(files.update().where(waiting).values(skip_runs=files.c.skip_runs - 1))

    def retry_files(self, paths: Sequence[str]) -> None:
        """Make the next scan read those of ``paths`` again that were rejected, for any reason."""
        poison = files.c.reason.in_(sorted(POISON))
        last_try = len(RETRY_AFTER_RUNS)  # so many losses are not quarantined yet: the file gets one more try
        with self._writing() as connection:
            for part in batches(sorted(set(paths))):
                here = files.c.path.in_(part)
                connection.execute(files.update().where(here, poison).values(skip_runs=0))
                connection.execute(
                    files.update().where(here, poison, files.c.losses > last_try).values(losses=last_try)
                )
                connection.execute(files.update().where(here, ~poison).values(reason=None, detail=None))

    def file_record(self, path: str) -> FileRecord | None:
        """Record of the last scan of an absolute path; None when it was never scanned."""
        return self.file_records([path]).get(path)

    def file_records(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """Record of the last scan of each of ``paths``, by path. Paths that were never scanned are left out."""
        with self._reading() as connection:
            return _read(connection, paths)

    def files_below(self, folder: str) -> dict[str, FileRecord]:
        """Records of all files in ``folder`` (absolute, without a slash at its end) and the folders below, by path."""
        # Not by the order of paths: PostgreSQL sorts text by its locale, in which "/" may not count at all.
        first = f"{folder.rstrip('/')}/"
        query = select(files).where(files.c.path.startswith(first, autoescape=True))
        with self._reading() as connection:
            rows = (_from_row(row) for row in connection.execute(query).mappings())
            return {record.path: record for record in rows if record.path.startswith(first)}

    def files_beside(self, folder: str, *, outside: str) -> list[FileRecord]:
        """The first and the last file, by path, in ``folder`` and below it that do not lie in the folder ``outside``.

        None where there is no such file, or where no scan has recorded its place since migration 0004.
        """
        # By prefixes and not by the order of paths, as in files_below.
        here = files.c.path.startswith(f"{folder.rstrip('/')}/", autoescape=True)
        query = select(files).where(
            here, ~files.c.path.startswith(f"{outside}/", autoescape=True), files.c.relative.is_not(None)
        )
        first, last = (query.order_by(order).limit(1) for order in (files.c.path, files.c.path.desc()))
        with self._reading() as connection:
            return [_from_row(row) for query in (first, last) for row in connection.execute(query).mappings()]

    def clips_of_present_files(self, clip_ids: Sequence[str]) -> dict[str, set[str]]:
        """Clip id -> paths of files that have it and have not vanished. Clips without such a file are left out."""
        query = select(files.c.clip_id, files.c.path).where(files.c.vanished_at.is_(None))
        paths: dict[str, set[str]] = {}
        with self._reading() as connection:
            for part in batches(sorted(set(clip_ids))):
                for clip_id, path in connection.execute(query.where(files.c.clip_id.in_(part))):
                    paths.setdefault(clip_id, set()).add(path)
        return paths

    def read_files(self) -> list[FileRecord]:
        """Every file of the ledger, by path."""
        with self._reading() as connection:
            records = [_from_row(row) for row in connection.execute(select(files)).mappings()]
        return sorted(records, key=lambda record: record.path)


def _to_row(record: FileRecord) -> dict[str, Any]:  # Any: database values
    row = {name: getattr(record, name) for name in _PLAIN}
    for name, (column, _) in _JSON.items():
        value = getattr(record, name)
        row[column] = None if value is None else msgspec.json.encode(value).decode()
    return row


def _from_row(row: Mapping[Any, Any]) -> FileRecord:  # Any: database values
    decoded: dict[str, Any] = {  # Any: as above
        name: _decode(row["path"], row[column], decoder) for name, (column, decoder) in _JSON.items()
    }
    return FileRecord(**{name: row[name] for name in _PLAIN}, **decoded)


def _decode(path: str, stored: str | None, decoder: msgspec.json.Decoder[Any]) -> Any:  # Any: as the decoder
    """What a column says; None where it was changed by hand so that it cannot be read: the next scan reads the file."""
    if stored is None:
        return None
    try:
        return decoder.decode(stored)
    except (msgspec.DecodeError, UnicodeError) as error:
        logger.warning("%s: what the catalog keeps of it cannot be read (%s); scan its folder again", path, error)
        return None


def _read(connection: Connection, paths: Sequence[str]) -> dict[str, FileRecord]:
    records = [
        _from_row(row)
        for part in batches(sorted(set(paths)))
        for row in connection.execute(select(files).where(files.c.path.in_(part))).mappings()
    ]
    return {record.path: record for record in records}


def _retry_changed(connection: Connection, changed: Iterable[tuple[FileRecord, FileRecord]]) -> None:
    """Forget failures of clips whose file changed, and still has the clip."""
    clip_ids = sorted(
        {
            new.clip_id
            for old, new in changed
            if new.clip_id is not None
            and new.clip_id == old.clip_id
            and (old.size, old.mtime_ns) != (new.size, new.mtime_ns)
            and new.reason is None
        }
    )
    for part in batches(clip_ids):
        retryable = extractions.c.clip_id.in_(part) & extractions.c.reason.in_(sorted(POISON))
        connection.execute(extractions.delete().where(retryable))


def _leave_clips(connection: Connection, left: Sequence[tuple[str | None, str]]) -> None:
    """After files were changed or forgotten. ``left``: (clip id, path of a file that has the clip no more)."""
    paths: dict[str, set[str]] = {}
    for clip_id, path in left:
        if clip_id is not None:
            paths.setdefault(clip_id, set()).add(path)
    for part in batches(sorted(paths)):
        query = select(files.c.clip_id, func.min(files.c.path)).where(files.c.clip_id.in_(part))
        elsewhere = {row[0]: row[1] for row in connection.execute(query.group_by(files.c.clip_id))}
        orphans = [clip_id for clip_id in part if clip_id not in elsewhere]
        connection.execute(clips.update().where(clips.c.id.in_(orphans)).values(track_id=None))
        sources = connection.execute(select(clips.c.id, clips.c.source_path).where(clips.c.id.in_(list(elsewhere))))
        moved = [{"id": row[0], "source_path": elsewhere[row[0]]} for row in sources if row[1] in paths[row[0]]]
        update(connection, clips, moved, keys=["id"])
