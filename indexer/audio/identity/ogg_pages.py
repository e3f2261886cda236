"""The sound of an Ogg file: the bodies of the pages of its audio streams, without their header packets (RFC 3533).

Bodies are joined, so it does not matter how packets are cut into pages. Every link of a chained file counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from indexer.audio.identity.payload import Payload, joined, read_at

_CAPTURE = b"OggS\0"
"""With the version, which is always 0."""
_HEADER_BYTES = 27
_FIRST_PAGE = 2
_WHOLE_SEGMENT = 255
_MAX_PAGES = 1_500_000
"""Six hours with a page for every 20 ms are 1,080,000."""
_SEARCH_BYTES, _MAX_SEARCH_BYTES = 512, 64 << 10
_MAX_HEADER_PACKETS = 1000


@dataclass(frozen=True, slots=True)
class _Page:
    first: bool
    """Whether a stream starts here."""
    serial: bytes
    lacing: bytes
    body: int
    end: int
    """Offsets in the file."""


@dataclass(slots=True)
class _Stream:
    """The audio stream of a link."""

    serial: bytes
    headers: int
    """Header packets that are still to come."""


def ogg_payload(file: BinaryIO, size: int) -> Payload | None:
    """The bodies of the first audio stream of each link; None if there is none."""
    starts, ends = array("q"), array("q")
    stream: _Stream | None = None
    in_link = False
    for page in _pages(file, size):
        if page.first and in_link:
            stream, in_link = None, False
        if not page.first:
            in_link = True
        elif stream is None:
            stream = _audio_stream(page, read_at(file, page.body, min(80, page.end - page.body)))
        if stream is not None and page.serial == stream.serial:
            starts.append(min(size, page.body + _header_bytes(page, stream)))
            ends.append(min(size, page.end))
    return joined(np.frombuffer(starts, np.int64), np.frombuffer(ends, np.int64), size) if starts else None


def _pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    """The pages in order, at most :data:`_MAX_PAGES`; bytes between them are passed over."""
    position = 0
    for _ in range(_MAX_PAGES):
        header = read_at(file, position, _HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return
        if not header.startswith(_CAPTURE):
            position = _next_page(file, position + 1)
            continue
        lacing = file.read(header[26])
        body = position + _HEADER_BYTES + header[26]
        page = _Page(bool(header[5] & _FIRST_PAGE), header[14:18], lacing, body, body + sum(lacing))
        yield page
        position = page.end


def _next_page(file: BinaryIO, position: int) -> int:
    """Offset of the next page, or of the end of the file. Reads little at first: a page is seldom far."""
    length = _SEARCH_BYTES
    while block := read_at(file, position, length):
        at = block.find(_CAPTURE)
        if at >= 0:
            return position + at
        position += max(1, len(block) - len(_CAPTURE) + 1)
        length = min(2 * length, _MAX_SEARCH_BYTES)
    return position


def _audio_stream(page: _Page, head: bytes) -> _Stream | None:
    """The stream that starts with ``page`` if its first packet, ``head``, names an audio codec.

    Vorbis has 3 header packets and Opus 2; FLAC and Speex say how many (RFC 5334, the Ogg FLAC mapping).
    """
    if head.startswith(b"\x01vorbis"):
        count = 3
    elif head.startswith(b"OpusHead"):
        count = 2
    elif head.startswith(b"\x7fFLAC"):
        count = 1 + int.from_bytes(head[7:9], "big")
    elif head.startswith(b"Speex   "):
        count = 2 + int.from_bytes(head[68:72], "little")
    else:
        return None
    return _Stream(page.serial, count) if count <= _MAX_HEADER_PACKETS else None


def _header_bytes(page: _Page, stream: _Stream) -> int:
    """Bytes of the body of ``page`` that belong to header packets; counts them off in ``stream``."""
    used = 0
    for segment in page.lacing:
        if not stream.headers:
            break
        used += segment
        if segment < _WHOLE_SEGMENT:  # a packet ends with a segment that is not full
            stream.headers -= 1
    return used
