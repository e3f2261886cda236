"""What files say about themselves is read from every kind of tag, cleaned, and never fatal."""

from __future__ import annotations

from pathlib import Path

import mutagen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.id3 import ID3, TCON, TIT2, TPE1, TPE2, TXXX
from mutagen.mp4 import MP4

from indexer.audio.tags import MAX_GENRES, MAX_TEXT, Tags, clean_text, read_tags
from tests.indexer.audio.written_audio import melody, write

MBID = "8e66ea2b-b57b-47d9-8df0-df4630aeb8e5"
FULL = Tags(artist="Sigur Rós", title="Svefn-g-englar", genres=("post-rock", "ambient"), external_ids=(("mbid", MBID),))


def write_id3(path: Path, *, artists: list[str], mbid: str = MBID) -> Path:
    tags = ID3()
    tags.add(TPE1(encoding=3, text=artists))
    tags.add(TPE2(encoding=3, text=["Various Artists"]))
    tags.add(TIT2(encoding=3, text=["Svefn-g-englar"]))
    tags.add(TCON(encoding=3, text=["post-rock", "ambient"]))
    tags.add(TXXX(encoding=3, desc="MusicBrainz Artist Id", text=[mbid]))
    if path.suffix == ".mp3":
        tags.save(path)
        return path
    file = mutagen.File(path)
    file.add_tags()
    file.tags.update(tags)
    file.save()
    return path


@pytest.mark.parametrize("suffix", ["mp3", "wav", "aiff"])
def test_id3_tags_are_read(tmp_path: Path, suffix: str) -> None:
    path = write_id3(write(tmp_path / f"a.{suffix}", melody(1)), artists=["Sigur Rós"])
    assert read_tags(path) == FULL


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_vorbis_comments_are_read(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    file = mutagen.File(path)
    file["artist"], file["title"] = ["Sigur Rós"], ["Svefn-g-englar"]
    file["genre"], file["musicbrainz_artistid"] = ["post-rock; ambient", "post-rock"], [MBID.upper()]
    file["albumartist"] = ["Various Artists"]
    file.save()
    assert read_tags(path) == FULL


def test_mp4_atoms_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", melody(1))
    file = MP4(path)
    file["\xa9ART"], file["\xa9nam"], file["aART"] = ["Sigur Rós"], ["Svefn-g-englar"], ["Various Artists"]
    file["\xa9gen"] = ["post-rock;ambient"]
    file["----:com.apple.iTunes:MusicBrainz Artist Id"] = [MBID.encode()]
    file.save()
    assert read_tags(path) == FULL


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "aac"])
def test_a_file_without_tags_says_nothing(tmp_path: Path, suffix: str) -> None:
    assert read_tags(write(tmp_path / f"a.{suffix}", melody(1))) == Tags()


def test_a_numbered_id3_genre_is_spelled_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", melody(1))
    tags = ID3()
    tags.add(TCON(encoding=3, text=["(18)"]))
    tags.save(path)
    assert read_tags(path).genres == ("Techno",)


def test_the_first_of_several_artists_is_the_artist(tmp_path: Path) -> None:
    path = write_id3(write(tmp_path / "a.mp3", melody(1)), artists=["A", "B"])
    assert read_tags(path).artist == "A"


@pytest.mark.parametrize("mbid", [f"{MBID}/{MBID[:-1]}6", "not an id", "'; DROP TABLE artists;--"])
def test_an_id_that_is_not_one_artist_is_left_out(tmp_path: Path, mbid: str) -> None:
    path = write_id3(write(tmp_path / "a.mp3", melody(1)), artists=["A"], mbid=mbid)
    assert read_tags(path).external_ids == ()


def test_long_tags_are_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", melody(1))
    file = mutagen.File(path)
    file["artist"], file["genre"] = ["x" * 100_000], [f"genre {number}" for number in range(500)]
    file.save()
    tags = read_tags(path)
    assert tags.artist == "x" * MAX_TEXT
    assert tags.genres == tuple(f"genre {number}" for number in range(MAX_GENRES))


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "m4a", "wav"])
def test_damaged_tags_never_raise(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(1))
    if suffix == "mp3":
        write_id3(path, artists=["A"])
    content = path.read_bytes()
    for seed in range(60):
        damaged = bytearray(content)
        for step in range(8):
            damaged[(seed * 37 + step * 101) % min(400, len(damaged))] = (seed * 11 + step * 53) % 256
        path.write_bytes(damaged)
        assert isinstance(read_tags(path), Tags)


@given(st.text(max_size=1000))
def test_cleaned_text_is_plain_short_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    assert len(cleaned) <= MAX_TEXT
    assert cleaned == clean_text(cleaned)
    assert not any(char < " " or char == "\x7f" for char in cleaned)
    assert cleaned == " ".join(cleaned.split())
