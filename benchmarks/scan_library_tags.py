"""A song of the library of benchmarks/scan_library.py, and how its tags are written in each form of file."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, BinaryIO

from mutagen import FileType
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1, TPE2, TRCK, TXXX
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

_MBID = "MusicBrainz Artist Id"
_TYPES: dict[str, type[FileType]] = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus, "m4a": MP4, "wav": WAVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A file to make: its sound, and what its tags say."""

    number: int
    """Of its sound."""
    relative: str
    """Path in the library."""
    form: str
    """Suffix of the file: mp3, flac, m4a, ogg, opus or wav."""
    artist: str
    title: str
    album: str
    album_artist: str
    genre: str
    year: int
    track: int
    mbid: str | None
    cover: int | None
    """Number of the picture in its tags."""
    is_tagged: bool


def write_tags(file: BinaryIO, song: Song, cover: bytes | None) -> None:
    """Replace the tags of an open file, read and written in its place. ``cover``: a JPEG file."""
    if song.form == "mp3":
        id3 = ID3()
        _fill_id3(id3, song, cover)
        id3.save(file, v2_version=3 if song.number % 2 else 4)
        return
    audio = _TYPES[song.form](file)
    file.seek(0)
    if audio.tags is None:
        audio.add_tags()
    tags: Any = audio.tags  # Any: each form has its own type, and mutagen names none of them
    tags.clear()
    if isinstance(audio, WAVE):
        _fill_id3(tags, song, cover)
    elif isinstance(audio, MP4):
        _fill_mp4(audio, song, cover)
    else:
        _fill_vorbis(audio, song, cover)
    audio.save(file)


def _fill_id3(tags: ID3, song: Song, cover: bytes | None) -> None:
    texts = ((TPE1, song.artist), (TIT2, song.title), (TALB, song.album), (TPE2, song.album_artist))
    for frame, text in (*texts, (TCON, song.genre), (TDRC, str(song.year)), (TRCK, f"{song.track}/12")):
        tags.add(frame(encoding=3, text=[text]))
    if song.mbid:
        tags.add(TXXX(encoding=3, desc=_MBID, text=[song.mbid]))
    if cover:
        tags.add(APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=cover))


def _fill_mp4(audio: MP4, song: Song, cover: bytes | None) -> None:
    texts = {"\xa9ART": song.artist, "\xa9nam": song.title, "\xa9alb": song.album, "aART": song.album_artist}
    for key, text in {**texts, "\xa9gen": song.genre, "\xa9day": str(song.year)}.items():
        audio[key] = [text]
    audio["trkn"] = [(song.track, 12)]
    if song.mbid:
        audio[f"----:com.apple.iTunes:{_MBID}"] = [song.mbid.encode()]
    if cover:
        audio["covr"] = [MP4Cover(cover, MP4Cover.FORMAT_JPEG)]


def _fill_vorbis(audio: FileType, song: Song, cover: bytes | None) -> None:
    texts = {"artist": song.artist, "title": song.title, "album": song.album, "albumartist": song.album_artist}
    for key, text in {**texts, "genre": song.genre, "date": str(song.year), "tracknumber": str(song.track)}.items():
        audio[key] = [text]
    if song.mbid:
        audio["musicbrainz_artistid"] = [song.mbid]
    if cover is None:
        return
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/jpeg", cover
    if isinstance(audio, FLAC):
        audio.clear_pictures()
        audio.add_picture(picture)
    else:
        audio["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
