"""What files say about themselves is read from every kind of tag, cleaned, and never fatal."""

from __future__ import annotations

import io
import time
from pathlib import Path

import av
import mutagen
import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3, TALB, TCON, TDRC, TIT2, TPE1, TPE2, TPOS, TRCK, TXXX, UFID
from mutagen.mp4 import MP4

from indexer.audio.tags.read_tags import read_tags, read_tags_open
from indexer.audio.tags.tag_fields import MAX_VALUES
from indexer.audio.tags.tag_text import MAX_TEXT
from recommender.catalog.file_facts import FileTags
from tests.indexer.audio.written_audio import melody, write

MBID = "8e66ea2b-b57b-47d9-8df0-df4630aeb8e5"
OTHER = "11111111-1111-4111-8111-111111111111"
RECORDING = "22222222-2222-4222-8222-222222222222"
FULL = FileTags(
    artists=("Sigur Rós", "Jónsi"),
    artist_list=("Sigur Rós", "Jónsi"),
    album_artists=("Sigur Rós",),
    title="Svefn-g-englar",
    album="Ágætis byrjun",
    genres=("post-rock", "ambient"),
    disc=1,
    number=3,
    year=1999,
    artist_ids=(MBID, OTHER),
    album_artist_ids=(MBID,),
    recording_id=RECORDING,
)
VORBIS = {
    "artist": ["Sigur Rós", "Jónsi"],
    "ARTISTS": ["Sigur Rós", "Jónsi"],
    "album artist": ["Sigur Rós"],
    "title": ["Svefn-g-englar"],
    "album": ["Ágætis byrjun"],
    "genre": ["post-rock", "ambient"],
    "discnumber": ["1"],
    "tracknumber": ["03/10"],
    "date": ["1999-06-12"],
    "musicbrainz_artistid": [MBID.upper(), OTHER],
    "musicbrainz_albumartistid": [MBID],
    "musicbrainz_trackid": [RECORDING],
}
_DESCRIPTIONS = {"MusicBrainz Artist Id": [MBID, OTHER], "MusicBrainz Album Artist Id": [MBID]}


def full_id3() -> ID3:
    tags = ID3()
    for frame, values in (
        (TPE1, ["Sigur Rós", "Jónsi"]),
        (TPE2, ["Sigur Rós"]),
        (TIT2, ["Svefn-g-englar"]),
        (TALB, ["Ágætis byrjun"]),
        (TCON, ["post-rock", "ambient"]),
        (TPOS, ["1/2"]),
        (TRCK, ["3/10"]),
        (TDRC, ["1999-06-12"]),
    ):
        tags.add(frame(encoding=3, text=values))
    for name, values in {**_DESCRIPTIONS, "ARTISTS": ["Sigur Rós", "Jónsi"]}.items():
        tags.add(TXXX(encoding=3, desc=name, text=values))
    tags.add(UFID(owner="http://musicbrainz.org", data=RECORDING.encode()))
    return tags


def written_by_ffmpeg(path: Path, container: str, codec: str, metadata: dict[str, str]) -> Path:
    with av.open(path, "w", format=container) as target:
        target.metadata.update(metadata)
        stream = target.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout, stream.bit_rate = "stereo", 128_000
        for start in range(0, 48_000, 960):
            frame = av.AudioFrame(format=stream.format.name, layout="stereo", samples=960)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = 48_000, start
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp3", "wav", "aiff"])
def test_id3_tags_are_read(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    if suffix == "mp3":
        full_id3().save(path)
    else:
        file = mutagen.File(path)
        file.add_tags()
        file.tags.update(full_id3())
        file.save()
    assert read_tags(path) == FULL


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_vorbis_comments_are_read(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    file = mutagen.File(path)
    for key, values in VORBIS.items():
        file[key] = values
    file.save()
    assert read_tags(path) == FULL


@pytest.mark.parametrize(("container", "codec"), [("ogg", "libopus"), ("ogg", "flac")])
def test_vorbis_comments_of_opus_and_ogg_flac_are_read(tmp_path: Path, container: str, codec: str) -> None:
    path = written_by_ffmpeg(tmp_path / "a.ogg", container, codec, {"artist": "Sigur Rós", "title": "Svefn"})
    assert read_tags(path) == FileTags(artists=("Sigur Rós",), title="Svefn")


def test_comments_of_many_pages_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ogg", melody(1))
    file = mutagen.File(path)
    file["comment"], file["title"] = ["x" * 300_000], ["Behind it"]
    file.save()
    assert read_tags(path).title == "Behind it"


def test_mp4_atoms_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", melody(1))
    file = MP4(path)
    for key, values in {"\xa9ART": "artist", "aART": "album artist", "\xa9nam": "title", "\xa9alb": "album"}.items():
        file[key] = VORBIS[values]
    file["\xa9gen"], file["\xa9day"] = VORBIS["genre"], VORBIS["date"]
    file["trkn"], file["disk"] = [(3, 10)], [(1, 2)]
    free = {**_DESCRIPTIONS, "ARTISTS": ["Sigur Rós", "Jónsi"], "MusicBrainz Track Id": [RECORDING]}
    for key, texts in free.items():
        file[f"----:com.apple.iTunes:{key}"] = [text.encode() for text in texts]
    file.save()
    assert read_tags(path) == FULL


def test_apev2_behind_an_mp3_fills_what_id3_lacks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", melody(1))
    tags = ID3()
    tags.add(TPE1(encoding=3, text=["Of ID3"]))
    tags.save(path)
    ape = APEv2()
    ape["Artist"], ape["Title"], ape["MUSICBRAINZ_ARTISTID"] = "Of APE", "Its title", MBID
    ape["Track"], ape["Year"] = "3/10", "1999"
    ape.save(path)
    expected = FileTags(artists=("Of ID3",), title="Its title", number=3, year=1999)
    assert read_tags(path) == expected, "the id belongs to the artist of APE"


def test_apev2_alone_gives_several_artists(tmp_path: Path) -> None:
    path = tmp_path / "a.wv"
    path.write_bytes(b"wvpk" + bytes(200))
    ape = APEv2()
    ape["Artist"], ape["Album Artist"] = ["Sigur Rós", "Jónsi"], "Sigur Rós"
    ape.save(path)
    assert read_tags(path) == FileTags(artists=("Sigur Rós", "Jónsi"), album_artists=("Sigur Rós",))


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        ("wma", "asf", "wmav2"),
        ("mka", "matroska", "flac"),
        ("webm", "webm", "libopus"),
        ("au", "au", "pcm_s16be"),
        ("caf", "caf", "alac"),
    ],
)
def test_other_containers_are_read(tmp_path: Path, suffix: str, container: str, codec: str) -> None:
    metadata = {"artist": "Sigur Rós", "title": "Svefn", "album": "Ágætis", "track": "3", "genre": "Rock"}
    path = written_by_ffmpeg(tmp_path / f"a.{suffix}", container, codec, metadata)
    tags = read_tags(path)
    assert (tags.artists, tags.title, tags.album) == (("Sigur Rós",), "Svefn", "Ágætis")


@pytest.mark.parametrize("suffix", ["flac", "ogg", "wav"])
def test_id3_in_front_fills_what_the_own_tags_lack(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    if suffix == "wav":
        info = b"INFO" + b"IART" + (10).to_bytes(4, "little") + b"Own Act\0\0\0"
        path.write_bytes(path.read_bytes() + b"LIST" + len(info).to_bytes(4, "little") + info)
    else:
        file = mutagen.File(path)
        file["artist"] = ["Own Act"]
        file.save()
    front = io.BytesIO()
    tags = ID3()
    tags.add(TPE1(encoding=3, text=["Id3 Act"]))
    tags.add(TIT2(encoding=3, text=["Id3 title"]))
    tags.add(TXXX(encoding=3, desc="MusicBrainz Artist Id", text=[MBID]))
    tags.save(front)
    path.write_bytes(front.getvalue() + path.read_bytes())
    assert read_tags(path) == FileTags(artists=("Own Act",), title="Id3 title"), "the id is that of Id3 Act"


def id3_of(frame: type[TPE1] | type[TIT2], text: str) -> bytes:
    """An ID3 tag of one frame."""
    tags, target = ID3(), io.BytesIO()
    tags.add(frame(encoding=3, text=[text]))
    tags.save(target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("suffix", "front"),
    [(suffix, front) for suffix in ("flac", "ogg", "m4a") for front in (bytes(3000), id3_of(TIT2, "Front"))]
    + [(suffix, b"\x01\x02\x03" * 1000) for suffix in ("flac", "ogg")],
)
def test_own_tags_are_read_wherever_the_sound_starts(tmp_path: Path, suffix: str, front: bytes) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    file = mutagen.File(path)
    file["\xa9ART" if suffix == "m4a" else "artist"] = ["Own Act"]
    file.save()
    path.write_bytes(front + path.read_bytes())
    assert read_tags(path).artists == ("Own Act",)


@pytest.mark.parametrize("between", [b"", bytes(700)])
def test_every_id3_tag_around_the_sound_is_read(tmp_path: Path, between: bytes) -> None:
    path = write(tmp_path / "a.mp3", melody(1))
    path.write_bytes(between + id3_of(TIT2, "Second") + between + id3_of(TPE1, "Third") + path.read_bytes())
    assert read_tags(path) == FileTags(artists=("Third",), title="Second")


def test_an_id3_tag_with_a_footer_behind_the_sound_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", melody(1))
    body = b"TPE1\0\0\0\x09\0\0\x03Last Act"
    header = b"\x04\0\x10\0\0\0" + bytes([len(body)])
    path.write_bytes(path.read_bytes() + b"ID3" + header + body + b"3DI" + header)
    assert read_tags(path).artists == ("Last Act",)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "aac"])
def test_a_file_without_tags_says_nothing(tmp_path: Path, suffix: str) -> None:
    assert read_tags(write(tmp_path / f"a.{suffix}", melody(1))) == FileTags()


def test_long_tags_are_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", melody(1))
    file = mutagen.File(path)
    file["artist"], file["genre"] = ["é" * 100_000], [f"genre {number}" for number in range(500)]
    file.save()
    tags = read_tags(path)
    assert tags.artists == ("é" * MAX_TEXT,)
    assert tags.repaired == (), "cut, not repaired"
    assert tags.genres == tuple(f"genre {number}" for number in range(MAX_VALUES))


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "m4a", "wav", "aiff"])
def test_damaged_tags_never_raise(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    if suffix == "mp3":
        full_id3().save(path)
    content = path.read_bytes()
    for seed in range(60):
        damaged = bytearray(content)
        for step in range(8):
            damaged[(seed * 37 + step * 101) % min(400, len(damaged))] = (seed * 11 + step * 53) % 256
        assert isinstance(read_tags_open(io.BytesIO(damaged)), FileTags)


@pytest.mark.parametrize("head", [b"RIFF\xff\xff\xff\xffWAVELIST", b"FORM\0\0\0\0AIFFID3 ", b"fLaC\x04\xff\xff"])
def test_a_size_beyond_the_file_costs_nothing(head: bytes) -> None:
    assert read_tags_open(io.BytesIO(head + b"\xff" * 4 + bytes(100))) == FileTags()


def test_apev2_of_very_many_items_is_not_parsed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", melody(1))
    items = b"".join(b"\x01\0\0\0\0\0\0\0k%07d\0x" % number for number in range(300_000))
    fields = (2000).to_bytes(4, "little") + (len(items) + 32).to_bytes(4, "little") + (300_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes() + items + b"APETAGEX" + fields + bytes(12))
    started = time.process_time()
    assert read_tags(path) == FileTags()
    assert time.process_time() - started < 0.5
