"""Lists the audio files of a folder and its sub-folders, for a scan. Symbolic links are not followed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.audio.decode import AUDIO_SUFFIXES, IGNORED_SUFFIXES, looks_like_audio
from indexer.tabular.records import Rejected
from recommender.catalog import Catalog
from recommender.errors import BadInput

_MAX_PATH_BYTES = 2000

IGNORED_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "__macosx",
        "lost+found",
        "recycler",
        "system volume information",
    }
)
"""Names, in lower case, of folders where systems put deleted files, thumbnails and snapshots. Hidden folders (.Trash,
.AppleDouble, .snapshots) are left alone as well."""

IGNORE_FILES = frozenset({".nomedia", ".soundkinignore"})
"""A folder with a file of one of these names is left alone, with all folders below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file that may be audio, as it was when the folder was listed."""

    path: str
    """Absolute, with escapes where needed so that it can be printed and stored (:func:`shown`)."""
    relative: str
    """Relative to the folder, with forward slashes."""
    size: int
    mtime_ns: int
    ctime_ns: int
    """Changes with every write, even where a program sets the modification time back."""
    fault: BadInput | None = None
    """Why it cannot be read; None when it can be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The contents of a folder."""

    root: Path
    """The folder, absolute, links resolved."""
    files: tuple[FoundFile, ...]
    """Sorted by relative path."""
    unreadable: tuple[Rejected, ...]
    """Folders that could not be listed."""
    ignored: int
    """Hidden files, pictures, texts and the like, symbolic links, and what is neither file nor folder."""


def walk(folder: Path) -> Walk:
    """List ``folder`` and all folders below it, except hidden ones, :data:`IGNORED_FOLDERS` and ignored ones.

    A symbolic link is never followed: if its target is in the folder, the walk finds it anyway, and if not, it does not
    belong to this scan. A file with an unknown suffix counts as audio when its first bytes are those of audio. Raises
    BadInput ``not_a_folder``.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise BadInput("not_a_folder", f"{folder} is not a folder; give the folder that contains the music")
    unreadable: list[Rejected] = []
    entries = list(_entries(root, unreadable))
    files = [_file(entry, root) for entry in entries if not _ignored(entry)]
    return Walk(
        root=root,
        files=tuple(sorted(files, key=lambda file: file.relative)),
        unreadable=tuple(sorted(unreadable, key=lambda item: item.path)),
        ignored=len(entries) - len(files),
    )


def within_library(catalog: Catalog, walked: Walk) -> Walk:
    """``walked`` with paths relative to the library of which its folder is a part, where earlier scans know one.

    To scan one artist's folder again must not change what its paths say: they are read as in the scan of the whole
    library. A folder above counts as the library when other files of its scan lie outside of ``walked``.
    """
    for folder in walked.root.parents:
        for record in catalog.files_beside(str(folder), outside=str(walked.root)):
            library = Path(record.path.removesuffix(record.relative or "\0"))
            if library != walked.root and walked.root.is_relative_to(library):
                prefix = walked.root.relative_to(library).as_posix()
                files = (replace(file, relative=f"{prefix}/{file.relative}") for file in walked.files)
                return replace(walked, files=tuple(files))
    return walked


def shown(path: str) -> str:
    """``path`` with escapes for bytes that are not UTF-8 and for control characters, to be printed and stored.

    >>> shown("Low - Words\\n.mp3")
    'Low - Words\\\\x0a.mp3'
    """
    if path.isprintable():  # nearly every path: no control characters, and no bytes that are not UTF-8
        return path
    text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return "".join(f"\\x{ord(char):02x}" if unicodedata.category(char) == "Cc" else char for char in text)


def _entries(root: Path, rejected: list[Rejected]) -> Iterator[os.DirEntry[str]]:
    """All entries below ``root`` that are not folders; a folder that cannot be listed is rejected, and skipped."""
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            rejected.append(Rejected(path=shown(folder), reason="unreadable", detail=str(error.strerror)))
            continue
        if any(entry.name in IGNORE_FILES for entry in listed):
            continue
        for entry in listed:
            if not entry.is_dir(follow_symlinks=False):
                yield entry
            elif not entry.name.startswith(".") and entry.name.lower() not in IGNORED_FOLDERS:
                waiting.append(entry.path)


def _ignored(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    return entry.name.startswith(".") or not entry.is_file(follow_symlinks=False) or suffix in IGNORED_SUFFIXES


def _file(entry: os.DirEntry[str], root: Path) -> FoundFile:
    relative = shown(Path(entry.path).relative_to(root).as_posix())
    try:
        status = entry.stat(follow_symlinks=False)
        size, times, fault = status.st_size, (status.st_mtime_ns, status.st_ctime_ns), _fault(entry)
    except OSError as error:
        size, times, fault = 0, (0, 0), BadInput("unreadable", f"{error.strerror}; check its permissions")
    return FoundFile(
        path=shown(entry.path), relative=relative, size=size, mtime_ns=times[0], ctime_ns=times[1], fault=fault
    )


def _fault(entry: os.DirEntry[str]) -> BadInput | None:
    if shown(entry.path) != entry.path:
        return BadInput("bad_path", "the path is not UTF-8, or contains control characters; rename it")
    if len(entry.path.encode()) > _MAX_PATH_BYTES:
        return BadInput("bad_path", f"the path has more than {_MAX_PATH_BYTES} bytes; shorten it")
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in AUDIO_SUFFIXES and not looks_like_audio(Path(entry.path)):
        return BadInput("not_audio", "neither its suffix nor its first bytes are those of an audio file")
    return None
