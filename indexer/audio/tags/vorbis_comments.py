"""Finds the Vorbis comments of FLAC and Ogg files (Vorbis, Opus, FLAC, Speex) without reading covers or sound."""

from __future__ import annotations

from collections.abc import Iterator

from mutagen.flac import VCFLACDict
from mutagen.ogg import OggPage

from indexer.audio.tags.bounded_view import BoundedView
from indexer.audio.tags.tag_fields import RawTags

_FLAC_MAGIC_BYTES = 4
_FLAC_COMMENT = 4
"""Type of the metadata block that holds the comments (RFC 9639, section 8.1)."""
_MAX_BLOCKS = 1000

_MAX_PAGES = 2000
"""Ogg pages until the comments are complete: 130 MB, more than a view gives."""
_HEADS = {b"\x01vorbis": 7, b"OpusHead": 8, b"\x7fFLAC": 4, b"Speex   ": 0}
"""How the first packet of a stream starts -> bytes before the comments in its second packet."""


def read_flac(view: BoundedView) -> Iterator[RawTags]:
    """The comments of a FLAC file that starts where ``view`` does; raises any error of damaged comments."""
    view.seek(_FLAC_MAGIC_BYTES)
    for _ in range(_MAX_BLOCKS):
        header = view.read(4)
        if len(header) < 4:
            break
        size = int.from_bytes(header[1:])
        if header[0] & 0x7F == _FLAC_COMMENT:
            yield _comments(view.read(size))
            break
        if header[0] & 0x80:  # the last block
            break
        view.seek(view.tell() + size)


def read_ogg(view: BoundedView) -> Iterator[RawTags]:
    """The comments of the first stream of sound in an Ogg file; raises any error of damaged comments."""
    view.seek(0)
    serial, skipped, packet = None, 0, b""
    for _ in range(_MAX_PAGES):
        page = OggPage(view)
        if serial is None:
            head = next((head for head in _HEADS if page.packets and page.packets[0].startswith(head)), None)
            if head is not None:
                serial, skipped = page.serial, _HEADS[head]
        elif page.serial == serial and page.packets:
            packet += page.packets[0]
            if len(page.packets) > 1 or page.complete:
                yield _comments(packet[skipped:])
                break


def _comments(data: bytes) -> RawTags:
    comments: dict[str, list[str]] = {}
    for key, value in VCFLACDict(data):
        comments.setdefault(key, []).append(value)
    return comments
