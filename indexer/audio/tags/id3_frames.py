"""Reads ID3 frames into raw values: ID3v2 at the front of a file, with ID3v1 at its end for what it lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from mutagen.id3 import ID3

from indexer.audio.tags.tag_fields import RawTags

_FRAMES = {
    "TPE1": "artist",
    "TPE2": "albumartist",
    "TIT2": "title",
    "TALB": "album",
    "TCON": "genre",
    "TRCK": "tracknumber",
    "TPOS": "discnumber",
    "TDRC": "date",
    "TDRL": "originaldate",
    "TDOR": "originaldate",
}
_TEXTS = {
    "artists": "artists",
    "albumartist": "albumartist",
    "musicbrainzartistid": "musicbrainz_artistid",
    "musicbrainzalbumartistid": "musicbrainz_albumartistid",
    "originalyear": "originaldate",
}
"""Description of a TXXX frame, folded, -> key."""
_BETWEEN_WORDS = re.compile(r"[\s_]+")
_IDS_OF = {
    "artist": "musicbrainz_artistid",
    "artists": "musicbrainz_artistid",
    "albumartist": "musicbrainz_albumartistid",
}
_RECORDING = "UFID:http://musicbrainz.org"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_BYTES_OF_ID = 64

MAX_FRAMES = 2000
"""Frames of a tag that is read: 60 MB of frames of ten bytes took above 120 CPU s."""
_MAX_COMPRESSED_BYTES = 64 << 10
"""A thousand times as many may come out of them."""
_MAX_TEXT_BYTES = 1 << 20
"""Of text frames: 60 MB of values of one letter took above 120 CPU s."""
_TAG_HEADER_BYTES = 10
_HAS_EXTENDED_HEADER = 0x40


@dataclass(frozen=True, slots=True)
class _Layout:
    """Of the frame header of a version: name, size of as many bytes, then two bytes of flags where there are any."""

    name_bytes: int
    header_bytes: int
    seven_bits: bool
    compressed: int
    """The flag in the last byte."""


_LAYOUTS = {2: _Layout(3, 6, False, 0), 3: _Layout(4, 10, False, 0x80), 4: _Layout(4, 10, True, 0x08)}


def require_few_frames(view: BinaryIO) -> None:
    """Raise ValueError for an ID3v2 tag at the start of ``view`` whose parsing has no bound: see :data:`MAX_FRAMES`.

    The position of ``view`` is 0 afterwards.
    """
    view.seek(0)
    header = view.read(_TAG_HEADER_BYTES)
    layout = _LAYOUTS.get(header[3]) if header[:3] == b"ID3" and len(header) == _TAG_HEADER_BYTES else None
    if layout is not None:
        end, position = _TAG_HEADER_BYTES + _seven_bits(header[6:]), _TAG_HEADER_BYTES
        if header[5] & _HAS_EXTENDED_HEADER and header[3] > 2:
            extended = view.read(4)
            position += _seven_bits(extended) if header[3] == 4 else 4 + int.from_bytes(extended)
        _walk(view, layout, position, end)
    view.seek(0)


def _walk(view: BinaryIO, layout: _Layout, position: int, end: int) -> None:
    compressed = frames = texts = 0
    while position < end:
        view.seek(position)
        header = view.read(layout.header_bytes)
        if len(header) < layout.header_bytes or not header[:1].isalnum():
            break
        sizes = header[layout.name_bytes : 2 * layout.name_bytes]
        size = _seven_bits(sizes) if layout.seven_bits else int.from_bytes(sizes)
        frames += 1
        compressed += size if layout.compressed and header[-1] & layout.compressed else 0
        texts += size if header[:1] == b"T" else 0
        if frames > MAX_FRAMES or compressed > _MAX_COMPRESSED_BYTES or texts > _MAX_TEXT_BYTES:
            raise ValueError(f"{frames} frames of ID3, {texts} bytes of texts, {compressed} bytes compressed: too many")
        position += layout.header_bytes + size


def _seven_bits(size: bytes) -> int:
    """A number of seven bits a byte (ID3v2.4, section 6.2)."""
    number = 0
    for byte in size:
        number = number << 7 | byte & 0x7F
    return number


def raw_id3(tags: ID3) -> RawTags:
    """The values of ``tags`` by Vorbis key. Frames come first; TXXX gives what has no frame, or none here."""
    raw: dict[str, list[str]] = {}
    for frame in tags.values():
        key = _FRAMES.get(frame.FrameID)
        if key:
            raw.setdefault(key, []).extend(map(str, frame.text))
    for frame in tags.getall("TXXX"):
        key = _TEXTS.get(_BETWEEN_WORDS.sub("", frame.desc.casefold()))
        if key:
            raw.setdefault(key, list(map(str, frame.text)))
    if _RECORDING in tags:
        raw["musicbrainz_trackid"] = [tags[_RECORDING].data[:_MAX_BYTES_OF_ID].decode("ascii", "replace")]
    return _cut_at_slashes(raw)


def _cut_at_slashes(raw: dict[str, list[str]]) -> RawTags:
    """Cut names at ``/`` where as many ids follow: that is how ID3v2.3 joins values, and AC/DC has one id."""
    for key, id_key in _IDS_OF.items():
        count = len(_ID.findall("/".join(raw.get(id_key, ()))))
        parts = raw[key][0].split("/") if len(raw.get(key, ())) == 1 else []
        if len(parts) == count > 1:
            raw[key] = parts
    return raw
