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
_RECORDING = "UFID:http://musicbrainz.org"
_IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_BYTES_OF_ID = 64


def raw_id3(tags: ID3) -> RawTags:
    """The values of ``tags`` by Vorbis key."""
    raw: dict[str, list[str]] = {}
    for frame in tags.values():
        name = frame.FrameID
        key = frame.desc if name == "TXXX" else _FRAMES.get(name)
        if key:
            raw.setdefault(key, []).extend(map(str, frame.text))
    if _RECORDING in tags:
        raw["musicbrainztrackid"] = [tags[_RECORDING].data[:_MAX_BYTES_OF_ID].decode("ascii", "replace")]
    return _cut_at_slashes(raw)


def _cut_at_slashes(raw: dict[str, list[str]]) -> RawTags:
    """Cut names at ``/`` where as many ids follow: that is how ID3v2.3 joins values, and AC/DC has one id."""
    ids = {key.casefold().replace(" ", "").replace("_", ""): values for key, values in raw.items()}
    for key, id_key in (
        ("artist", "musicbrainzartistid"),
        ("artists", "musicbrainzartistid"),
        ("albumartist", "musicbrainzalbumartistid"),
    ):
        count = len(_IDS.findall("/".join(ids.get(id_key, ()))))
        for name in [name for name in raw if name.casefold() == key and len(raw[name]) == 1]:
            parts = raw[name][0].split("/")
            if len(parts) == count > 1:
                raw[name] = parts
    return raw
