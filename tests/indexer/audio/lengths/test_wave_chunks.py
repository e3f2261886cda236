"""A size in a wav that cannot be true is not believed; a chunk behind the sound is not sound."""

from __future__ import annotations

import io

import pytest

from indexer.audio.lengths.wave_chunks import OpenSizeView, missing_fraction, wrong_size
from tests.indexer.audio.written_formats import Written, ape_tag, id3, with_data_size

WAV = Written("WAV", "PCM_16", channels=1, library="sndfile").content(5.6)
LIST = b"LIST\x0c\0\0\0INFOIART\0\0\0\0"


@pytest.mark.parametrize("size", [0, 2, 1000])
def test_a_size_that_no_chunk_follows_is_wrong(size: int) -> None:
    assert wrong_size(io.BytesIO(with_data_size(size)(WAV))) is not None


@pytest.mark.parametrize(
    "content",
    [
        WAV,
        WAV + LIST,
        with_data_size(len(WAV) - 45)(WAV[:-1]) + b"\0" + LIST,
        with_data_size(len(WAV) - 45)(WAV[:-1]) + LIST,
        WAV + b"\0",
        WAV + id3(),
        WAV + b"TAG" + bytes(125),
        WAV + ape_tag(),
        WAV[:44],
        with_data_size(0)(WAV[:44]) + LIST,
        b"",
        b"RIFF",
    ],
)
def test_a_size_that_fits_is_right(content: bytes) -> None:
    assert wrong_size(io.BytesIO(content)) is None


def test_the_part_that_is_missing_is_measured() -> None:
    at = WAV.index(b"data") + 8
    assert missing_fraction(io.BytesIO(WAV)) == 0.0
    assert missing_fraction(io.BytesIO(WAV[: at + (len(WAV) - at) // 4])) == pytest.approx(0.75, abs=0.001)


@pytest.mark.parametrize("start", range(0, 60, 3))
@pytest.mark.parametrize("length", [1, 7, 100])
def test_an_open_size_shows_in_every_read_of_it(start: int, length: int) -> None:
    broken = with_data_size(0)(WAV)
    chunk = wrong_size(io.BytesIO(broken))
    assert chunk is not None
    view = OpenSizeView(io.BytesIO(broken), chunk)
    view.seek(start)
    assert view.read(length) == with_data_size(0xFFFFFFFF)(WAV)[start : start + length]
