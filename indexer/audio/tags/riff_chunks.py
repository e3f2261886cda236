"""Reads the tags of WAV and AIFF: the INFO list, the text chunks of AIFF, and ID3 in a chunk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Literal

from mutagen.id3 import ID3

from indexer.audio.tags.bounded_view import BoundedView
from indexer.audio.tags.id3_frames import raw_id3, require_few_frames
from indexer.audio.tags.tag_fields import RawTags

_MAX_CHUNKS = 1000
_MAX_INFO_BYTES = 1 << 20
_HEADER_BYTES = 12
_UNKNOWN_SIZE = 0xFFFFFFFF
_ID3_VERSIONS = (2, 3, 4)

_INFO_KEYS = {
    b"IART": "artist",
    b"INAM": "title",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ICRD": "date",
    b"ITRK": "tracknumber",
    b"IPRT": "tracknumber",
}
_AIFF_KEYS = {b"NAME": "title", b"AUTH": "artist"}


def read_wav_info(view: BoundedView) -> Iterator[RawTags]:
    """The INFO lists of a WAV file."""
    for name, data in _chunks(view, "little"):
        if name == b"LIST" and data.startswith(b"INFO"):
            yield _texts(_parts(data[4:]), _INFO_KEYS)


def read_wav_id3(view: BoundedView) -> Iterator[RawTags]:
    """The ID3 chunk of a WAV file. ID3 names its encoding and holds several values, so it is better than INFO."""
    yield from _id3(_chunks(view, "little"))


def read_aiff_texts(view: BoundedView) -> Iterator[RawTags]:
    """The text chunks of an AIFF file: title and author."""
    yield _texts(_chunks(view, "big"), _AIFF_KEYS)


def read_aiff_id3(view: BoundedView) -> Iterator[RawTags]:
    """The ID3 chunk of an AIFF file."""
    yield from _id3(_chunks(view, "big"))


def _id3(chunks: list[tuple[bytes, bytes]]) -> Iterator[RawTags]:
    for name, data in chunks:
        if name.upper() == b"ID3 ":
            file = io.BytesIO(data)
            require_few_frames(file)
            yield raw_id3(ID3(file))


def _chunks(view: BoundedView, byte_order: Literal["little", "big"]) -> list[tuple[bytes, bytes]]:
    """Name and content of the chunks that may hold tags."""
    wanted = (b"LIST", b"id3 ", b"ID3 ", *_AIFF_KEYS)
    chunks: list[tuple[bytes, bytes]] = []
    data_size = _UNKNOWN_SIZE  # of RF64: 64 bits in a chunk of its own
    position = _HEADER_BYTES
    for _ in range(_MAX_CHUNKS):
        view.seek(position)
        header = view.read(8)
        if len(header) < 8:
            break
        if header[:3] == b"ID3" and header[3] in _ID3_VERSIONS:  # a tag that was put behind the file as for mp3
            view.seek(position)
            chunks.append((b"ID3 ", view.read()))
            break
        name = header[:4]
        size = int.from_bytes(header[4:], byte_order)
        if name == b"ds64":
            data_size = int.from_bytes(view.read(16)[8:], "little")
        elif name in wanted:
            chunks.append((name, view.read(size if name != b"LIST" else min(size, _MAX_INFO_BYTES))))
        elif name == b"data" and size in (0, _UNKNOWN_SIZE):
            size = data_size  # a stream: nothing can be found behind sound of unknown length
        position += 8 + size
        if size % 2:
            view.seek(position)
            position += not view.read(1).isalpha()  # some writers leave the padding byte out
    return chunks


def _parts(info: bytes) -> list[tuple[bytes, bytes]]:
    """The sub-chunks of an INFO list."""
    parts: list[tuple[bytes, bytes]] = []
    position = 0
    while position + 8 <= len(info) and len(parts) < _MAX_CHUNKS:
        size = int.from_bytes(info[position + 4 : position + 8], "little")
        parts.append((info[position : position + 4], info[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return parts


def _texts(parts: list[tuple[bytes, bytes]], keys: dict[bytes, str]) -> RawTags:
    texts: dict[str, list[str]] = {}
    for name, data in parts:
        if name in keys:
            texts.setdefault(keys[name], []).append(_decoded(data.partition(b"\0")[0]))
    return texts


def _decoded(data: bytes) -> str:
    """INFO has no encoding of its own: newer programs write UTF-8, older ones that of their system."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
