"""Reads ID3 frames into raw values: ID3v2 at the front of a file, with ID3v1 at its end for what it lacks."""

from __future__ import annotations

import re

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
