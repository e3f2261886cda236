"""The length of a FLAC is where its last frame ends."""

from __future__ import annotations

import io

import numpy as np
import pytest

from indexer.audio.lengths.flac_frames import flac_length
from tests.indexer.audio.written_formats import Written, with_flac_total

SECONDS = 5.6
SAMPLES = round(SECONDS * 44_100)
FLACS = [
    Written("FLAC", "PCM_16", library="sndfile"),
    Written("FLAC", "PCM_24", rate_hz=96_000, library="sndfile"),
    Written("flac", "flac"),
    Written("flac", "flac", rate_hz=8000, channels=1),
]


@pytest.mark.parametrize("how", FLACS, ids=str)
@pytest.mark.parametrize("total", [None, 0, 1000, 1 << 35])
def test_the_last_frame_gives_the_length_whatever_the_header_says(how: Written, total: int | None) -> None:
    content = how.content(SECONDS)
    length = flac_length(io.BytesIO(content if total is None else with_flac_total(total)(content)))
    assert length is not None
    assert length.duration_s == pytest.approx(SECONDS, abs=1 / how.rate_hz)
    assert not length.is_cut
    assert not length.changes


def test_a_file_that_ends_inside_a_frame_is_cut() -> None:
    content = FLACS[0].content(SECONDS)
    for part in (0.3, 0.6, 0.9):
        length = flac_length(io.BytesIO(content[: int(len(content) * part)]))
        assert length is not None
        assert length.is_cut
        assert length.settle(SECONDS) == SECONDS


def test_damaged_bytes_give_a_length_or_none() -> None:
    content = FLACS[0].content(SECONDS)
    random = np.random.default_rng(1)
    for _ in range(50):
        damaged = bytearray(content[: int(random.integers(0, len(content)))])
        for position in random.integers(0, max(1, len(damaged)), 20):
            damaged[position : position + 1] = bytes([int(random.integers(256))])
        flac_length(io.BytesIO(bytes(damaged)))
