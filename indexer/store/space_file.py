"""SPACE.json: what the shards of a folder are of, closed by a checksum over its own text.

The facts that decide what a vector means make the folder's name, so they are checked against that. The others (licence,
default mix, aspects) decide what may be done with it: those only the checksum protects. The last line is
``"xxh3_128": "…"`` over every byte before the comma in front of it. The first release wrote no such line; its files are
read as they are, and closed when an encoder next opens the store.
"""

from __future__ import annotations

import json
from pathlib import Path

import xxhash

from indexer.files.atomic import write_file
from recommender.errors import EmbeddingsCorrupt
from recommender.types import Space

SPACE_FILE = "SPACE.json"
_MARK = b',\n "xxh3_128": "'


def write_space(folder: Path, space: Space) -> None:
    """Write ``space`` durably to ``folder``."""
    text = json.dumps(space.to_json(), indent=1).encode().removesuffix(b"\n}")
    write_file(folder / SPACE_FILE, [text, _MARK, _end(text)])


def read_space(folder: Path) -> Space:
    """The space whose shards lie in ``folder``.

    Raises:
        EmbeddingsCorrupt: SPACE.json is missing, altered, or speaks of another space than the folder's name.
    """
    path = folder / SPACE_FILE
    try:
        space = _parse(path.read_bytes())
        key = space.key
    except (OSError, ValueError, RecursionError) as error:
        raise EmbeddingsCorrupt(str(path), f"cannot be understood ({error})") from error
    if key != folder.name:
        raise EmbeddingsCorrupt(str(path), f"is of space {key}, its folder is that of {folder.name}")
    return space


def keep_space(folder: Path, space: Space) -> None:
    """Make SPACE.json of ``folder`` say what ``space`` says, whose key names the folder; write only what differs.

    Licence, descriptions and mixes may change with a release without touching a vector: the latest word is kept.

    Raises EmbeddingsCorrupt when what is there cannot be trusted: it may have been the only word on these shards.
    """
    path = folder / SPACE_FILE
    if not path.exists() or read_space(folder) != space or _MARK not in path.read_bytes():
        write_space(folder, space)


def _parse(raw: bytes) -> Space:
    text, mark, end = raw.rpartition(_MARK)
    if mark and end != _end(text):
        raise ValueError("it does not have its checksum")
    return Space.from_json(json.loads(text + b"\n}" if mark else raw))


def _end(text: bytes) -> bytes:
    return xxhash.xxh3_128_hexdigest(text).encode() + b'"\n}\n'
