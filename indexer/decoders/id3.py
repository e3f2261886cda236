"""Where the sound begins: behind the ID3v2 tags that any format may carry in front."""

from __future__ import annotations

from typing import BinaryIO

_HEADER_BYTES = 10
_MAX_TAGS = 8
_PADDING_BYTES = 4096


def skip_tags(file: BinaryIO) -> int:
    """Offset of the first byte behind any ID3v2 tags and the zeros that pad them; 0 without a tag.

    Reads headers only and leaves the position anywhere. A tag that claims to be longer than the file gives an
    offset behind its end.
    """
    offset = 0
    for _ in range(_MAX_TAGS):
        file.seek(offset)
        header = file.read(_HEADER_BYTES)
        if not header.startswith(b"ID3") or len(header) < _HEADER_BYTES:
            break
        offset += _tag_bytes(header)
    return offset + _padding(file, offset) if offset else 0


def _tag_bytes(header: bytes) -> int:
    """Size of a tag with its own header and footer: four bytes of seven bits (id3.org, ID3v2.4 section 3.1)."""
    size = 0
    for byte in header[6:10]:
        size = size << 7 | byte & 0x7F
    footer = _HEADER_BYTES if header[5] & 0x10 else 0
    return _HEADER_BYTES + size + footer


def _padding(file: BinaryIO, offset: int) -> int:
    file.seek(offset)
    following = file.read(_PADDING_BYTES)
    return len(following) - len(following.lstrip(b"\0"))
