"""Writes a playlist as an m3u8 file, which music players open. Nothing in a tag or a path can break its lines."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument

_BREAKS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that end a line, or that a terminal obeys: control characters, lone surrogates, line and paragraph
separators."""
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that could show a name backwards, and the byte order mark."""


def one_line(text: str) -> str:
    """``text`` as one line: a space for each run of white space, control characters and direction marks.

    >>> one_line("Song\\r\\n/etc/passwd\\u2028x  y")
    'Song /etc/passwd x y'
    """
    shown = "".join(" " if unicodedata.category(c) in _BREAKS or c in _DIRECTION else c for c in text)
    return " ".join(shown.split())


def m3u(tracks: Iterable[pb.TrackSummary]) -> str:
    """The text of the file: for each track its length in seconds (-1 when not known), its name and its path.

    A track whose path is empty, or cannot stand in one line, is left out (:func:`can_be_written`).
    """
    lines = ["#EXTM3U"]
    for track in tracks:
        if can_be_written(track.path):
            seconds = round(track.duration_ms / 1000) if track.duration_ms else -1
            lines += [f"#EXTINF:{seconds},{one_line(f'{track.artist.name} - {track.title}')}", track.path]
    return "".join(f"{line}\n" for line in lines)


def can_be_written(path: str) -> bool:
    """Whether a line of the file can be this path: one that is changed to fit in would lead to another file."""
    readable = bool(path) and path[0] != "#" and path == path.strip()  # else players read a remark, or cut it
    return readable and not any(unicodedata.category(char) in _BREAKS for char in path)


def require_free(path: Path, *, force: bool) -> None:
    """Raise InvalidArgument when ``path`` cannot be written, before anything is asked of a server."""
    if path.exists() and not path.is_file():
        raise InvalidArgument("--m3u", f"{path} is a folder or a device; give the name of a file")
    if not path.parent.is_dir():
        raise InvalidArgument("--m3u", f"the folder {path.parent} does not exist; make it first")
    if not force and (path.exists() or path.is_symlink()):
        raise InvalidArgument("--m3u", f"{path} exists; give another name, or --force to write over it")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write the file in one step, so that it is as before or complete.

    Raises InvalidArgument when it exists and ``force`` is not set, OSError when the disk is full.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # "x": a name that somebody else made first is never written through, be it a link.
        with aside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            aside.replace(path)
        else:
            _link(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _link(aside: Path, path: Path) -> None:
    """Give the file its name unless that is taken, which may have happened since :func:`require_free`."""
    try:
        os.link(aside, path)
    except FileExistsError:
        require_free(path, force=False)
        raise
    except OSError:  # a file system without hard links
        require_free(path, force=False)
        aside.replace(path)
