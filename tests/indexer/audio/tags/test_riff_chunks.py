"""Tags in the chunks of WAV and AIFF."""

from __future__ import annotations

import io

import pytest
from mutagen.id3 import ID3, TPE1

from indexer.audio.tags.bounded_view import BoundedView
from indexer.audio.tags.riff_chunks import read_aiff_texts, read_wav_id3, read_wav_info

SOUND = bytes(101)


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    claimed = len(data) if size is None else size
    return name + claimed.to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def wav(*chunks: bytes, name: bytes = b"RIFF") -> BoundedView:
    return BoundedView(io.BytesIO(name + bytes(4) + b"WAVE" + b"".join(chunks)))


def info(**texts: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(chunk(name.encode(), text + b"\0") for name, text in texts.items()))


FULL = info(IART="Sigur Rós".encode(), INAM=b"Svefn", IGNR=b"Rock", IPRD=b"Byrjun", ICRD=b"1999", ITRK=b"3")
EXPECTED = {
    "artist": ["Sigur Rós"],
    "title": ["Svefn"],
    "genre": ["Rock"],
    "album": ["Byrjun"],
    "date": ["1999"],
    "tracknumber": ["3"],
}


@pytest.mark.parametrize("chunks", [[FULL, chunk(b"data", SOUND)], [chunk(b"data", SOUND), FULL]])
def test_info_before_or_behind_the_sound_is_read(chunks: list[bytes]) -> None:
    assert list(read_wav_info(wav(*chunks))) == [EXPECTED]


def test_info_before_a_sound_of_unknown_length_is_read() -> None:
    assert list(read_wav_info(wav(FULL, chunk(b"data", SOUND, size=0xFFFFFFFF)))) == [EXPECTED]


def test_info_behind_the_sound_of_rf64_is_read() -> None:
    sizes = chunk(b"ds64", bytes(8) + len(SOUND).to_bytes(8, "little") + bytes(12))
    view = wav(sizes, chunk(b"data", SOUND, size=0xFFFFFFFF), FULL, name=b"RF64")
    assert list(read_wav_info(view)) == [EXPECTED]


def test_info_of_an_older_program_is_read_in_its_encoding() -> None:
    assert list(read_wav_info(wav(info(IART="Sigur Rós".encode("cp1252"))))) == [{"artist": ["Sigur Rós"]}]


def test_info_behind_a_sound_without_its_padding_byte_is_read() -> None:
    unpadded = chunk(b"data", SOUND)[:-1]
    assert len(unpadded) % 2
    assert list(read_wav_info(wav(unpadded, FULL))) == [EXPECTED]


@pytest.mark.parametrize("version", [3, 4])
def test_id3_behind_the_sound_needs_no_chunk(version: int) -> None:
    tags, target = ID3(), io.BytesIO()
    tags.add(TPE1(encoding=1, text=["Sigur Rós"]))
    tags.save(target, v2_version=version)
    assert list(read_wav_id3(wav(chunk(b"data", SOUND), target.getvalue()))) == [{"artist": ["Sigur Rós"]}]


def test_chunks_without_end_are_left() -> None:
    assert list(read_wav_info(wav(*[chunk(b"junk", b"")] * 2000, FULL))) == []


def test_texts_of_aiff_are_read() -> None:
    data = b"FORM" + bytes(4) + b"AIFF" + b"NAME" + (5).to_bytes(4) + b"Svefn\0" + b"AUTH" + (3).to_bytes(4) + b"Low\0"
    assert list(read_aiff_texts(BoundedView(io.BytesIO(data)))) == [{"title": ["Svefn"], "artist": ["Low"]}]
