"""Which row of a manifest speaks for which file of a folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.scanning.manifest import Manifest, ManifestRow
from indexer.scanning.walk import Walk
from indexer.tabular.rejects import Rejected


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
