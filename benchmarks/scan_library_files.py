"""Makes a library of thousands of tagged files for benchmarks/scan_library.py, and tags some of them anew.

25 sounds of 6 to 7 seconds are encoded in each lossy form. A file is one of these less two of its packets, another two
in each file; a FLAC or WAV file is a sound with noise of its own. So no two files have one sound, and each costs
milliseconds. Artists, albums, genres, guests, MusicBrainz ids, covers and folders without tags are drawn from one seed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from itertools import combinations, islice
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.scan_library_tags import Song, write_tags

FORMS = ("mp3", "mp3", "mp3", "mp3", "mp3", "mp3", "mp3", "mp3", "flac", "flac", "m4a", "m4a", "ogg", "opus", "wav")
"""Each album has one of them, drawn: 53 % mp3, 13 % FLAC, 13 % m4a (AAC), 7 % each Ogg Vorbis, Opus and WAV."""
TRACKS = 12
"""Files of an album."""
ALBUMS_OF_ARTIST = 2.5
SOUNDS = 25
"""Sounds of each lossy form."""
COVERS = 30
"""Different pictures, of about 40 kB. Three albums in ten have one, in the tags of every file and beside them."""
RATE_HZ = 44_100
GENRES = ("House", "Techno", "Jazz", "Drum & Bass", "Folk", "Ambient; Drone", "Pop/Rock", "Hip-Hop", "Electronic")
_CONTAINERS = {"mp3": "mp3", "m4a": "mp4", "ogg": "ogg", "opus": "ogg"}
"""Lossy form -> its container, as FFmpeg names it."""
_ENCODERS = {"mp3": "libmp3lame", "m4a": "aac", "opus": "libopus"}
"""Of FFmpeg, which has none for Vorbis as PyAV brings it: that is left to libsndfile."""

Sound = npt.NDArray[np.int16]
"""Of both channels: [channel, sample]."""


def songs(files: int) -> list[Song]:
    """The songs of a library of so many files: the same at every call."""
    random = np.random.default_rng(11)
    artists = max(2, round(files / TRACKS / ALBUMS_OF_ARTIST))
    numbers = range(-(-files // TRACKS))
    return list(islice((song for number in numbers for song in _album(number, artists, random)), files))


def _album(number: int, artists: int, random: np.random.Generator) -> Iterator[Song]:
    form, year, owner = FORMS[random.integers(len(FORMS))], int(random.integers(1960, 2026)), random.integers(artists)
    is_compilation = form != "wav" and random.random() < 0.05
    is_tagged = is_compilation or (form != "wav" and random.random() >= 0.03)
    cover = int(random.integers(COVERS)) if random.random() < 0.3 else None
    for track in range(1, TRACKS + 1):
        artist = int(random.integers(artists, 10**6) if is_compilation else owner)
        album_artist, title = "Various Artists" if is_compilation else _name(artist), f"Song {track} of {number:04d}"
        guest = _name(int(random.integers(artists))) if random.random() < 0.06 else None
        yield Song(
            number=number * TRACKS + track - 1,
            relative=f"{album_artist}/Album {number:04d}/{track:02d} - {title}.{form}",
            form=form,
            artist=f"{_name(artist)} feat. {guest}" if guest else _name(artist),
            title=title,
            album=f"Album {number:04d}",
            album_artist=album_artist,
            genre=GENRES[artist % len(GENRES)],
            year=year,
            track=track,
            mbid=f"{artist:08x}-0000-4000-8000-{artist:012x}" if artist % 5 == 0 and not guest else None,
            cover=cover,
            is_tagged=is_tagged,
        )


def _name(artist: int) -> str:
    """A name of two or three words, some with letters that are not ASCII: a different one for every number."""
    first = ("Ara", "Bóre", "Cald", "Dün", "Elo", "Fjø", "Gram", "Hōl", "Isk", "Jun")
    last = ("ton", "mar", "vik", "lund", "ley", "sson", "ette", "ova", "ini", "berg")
    digits = [int(digit) for digit in f"{artist:06d}"]
    words = [first[digits[at]] + last[digits[at + 1]] for at in (0, 2, 4)]
    return " ".join(words[1:] if artist < 10_000 else words)


def retagged(song: Song, turn: int) -> Song:
    """``song`` with another artist, title, genre, cover and file name."""
    title = f"Retitled {song.track} in turn {turn}"
    folder = song.relative.rsplit("/", 1)[0]
    return replace(
        song,
        relative=f"{folder}/{song.track:02d} - {title} ({song.number}).{song.form}",
        artist=f"Corrected {turn} {song.number % 97}",
        title=title,
        genre=f"Genre {turn}",
        mbid=None,
        cover=((song.cover or 0) + turn + 1) % COVERS,
        is_tagged=True,
    )


def write_library(root: Path, wanted: Sequence[Song], *, processes: int) -> None:
    """Write the files of ``wanted`` below ``root``, in so many processes."""
    for folder in {(root / song.relative).parent for song in wanted}:
        folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        sounds = _encode_all(pool, {song.form for song in wanted} & set(_CONTAINERS))
        parts = [wanted[start::processes] for start in range(processes)]
        list(pool.map(partial(_write_part, root, sounds), parts))


def retag_file(root: Path, song: Song, new: Song) -> None:
    """Tag the file of ``song`` as ``new`` in its place, as a tagger does, and rename it."""
    with (root / song.relative).open("r+b") as file:
        write_tags(file, new, _cover(new.cover))
    (root / song.relative).rename(root / new.relative)


def _encode_all(pool: Executor, forms: set[str]) -> dict[str, list[bytes]]:
    """Form -> its encoded sounds."""
    return {form: list(pool.map(partial(_encode, form), range(SOUNDS))) for form in sorted(forms)}


def _write_part(root: Path, sounds: dict[str, list[bytes]], part: Sequence[Song]) -> None:
    for song in part:
        file = io.BytesIO(_sound_file(song, sounds))
        cover = _cover(song.cover)
        if song.is_tagged:
            write_tags(file, song, cover)
        path = root / song.relative
        path.write_bytes(file.getvalue())
        if cover is not None and song.track == 1:
            (path.parent / "cover.jpg").write_bytes(cover)


def _sound_file(song: Song, sounds: dict[str, list[bytes]]) -> bytes:
    if song.form in _CONTAINERS:
        own = sounds[song.form]
        return _without_packets(own[song.number % len(own)], song.form, song.number // len(own))
    file = io.BytesIO()
    noise = np.random.default_rng(song.number).integers(-8, 9, size=RATE_HZ * 6, dtype=np.int16)
    sound = _sound(song.number % SOUNDS)[:, : len(noise)] + noise
    soundfile.write(file, sound.T, RATE_HZ, format=song.form.upper(), subtype="PCM_16")
    return file.getvalue()


@cache
def _sound(number: int) -> Sound:
    """A chord with a beat, 6 to 7 s, both channels a little different."""
    random = np.random.default_rng(number)
    time_s = np.arange(int(RATE_HZ * random.uniform(6.05, 7))) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hz * time_s + random.uniform(0, 6)) for hz in random.uniform(80, 3000, 6))
    beat = np.exp(-8 * (time_s * random.uniform(1.5, 3) % 1)) * random.normal(size=len(time_s))
    left = 2500 * chord + 5000 * beat
    sound: Sound = np.clip([left, 0.9 * left], -32_000, 32_000).astype(np.int16)
    return sound


def _encode(form: str, number: int) -> bytes:
    file, sound = io.BytesIO(), _sound(number)
    if form == "ogg":
        soundfile.write(file, sound.T, RATE_HZ, format="OGG", subtype="VORBIS")
        return file.getvalue()
    rate = 48_000 if form == "opus" else RATE_HZ  # Opus knows no other
    with av.open(file, "w", format=_CONTAINERS[form]) as out:
        stream = out.add_stream(_ENCODERS[form], rate=rate, layout="stereo")
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{_ENCODERS[form]} encodes no audio")
        stream.bit_rate = 192_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = rate
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@cache
def _packets(encoded: bytes, container: str) -> tuple[Fraction, list[tuple[bytes, int]]]:
    """Time base, and (bytes, duration) of every packet."""
    with av.open(io.BytesIO(encoded), "r", format=container) as source:
        stream = source.streams.audio[0]
        packets = [(bytes(packet), packet.duration or 0) for packet in source.demux(stream) if packet.size]
        return stream.time_base or Fraction(1, RATE_HZ), packets


def _without_packets(encoded: bytes, form: str, pair: int) -> bytes:
    """``encoded`` less two of its packets: another two for each ``pair``."""
    container = _CONTAINERS[form]
    time_base, packets = _packets(encoded, container)
    left_out = next(islice(combinations(range(8, len(packets) - 8), 2), pair, None))
    file, position = io.BytesIO(), 0
    with av.open(io.BytesIO(encoded), format=container) as source, av.open(file, "w", format=container) as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for index, (data, duration) in enumerate(packets):
            if index in left_out:
                continue
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, time_base
            packet.pts = packet.dts = position
            packet.duration = duration
            out.mux(packet)
            position += duration
    return file.getvalue()


@cache
def _cover(number: int | None) -> bytes | None:
    """A JPEG file of about 40 kB."""
    if number is None:
        return None
    pixels = np.random.default_rng(number).integers(0, 256, size=(75, 75, 3), dtype=np.uint8)
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width = encoder.height = 300
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.kron(pixels, np.ones((4, 4, 1), dtype=np.uint8)), format="rgb24")
    return b"".join(bytes(packet) for packet in encoder.encode(frame.reformat(format="yuvj420p")))
