"""A cut ogg file is recognised by its last page."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from indexer.audio.decode import probe
from indexer.audio.lengths.ogg_pages import find_links, is_cut_off
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput
from tests.indexer.audio.written_audio import melody, write

SHARED = Path(__file__).resolve().parents[4].parent / "shared"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("ogg") / "whole.ogg", melody(12.0)).read_bytes()


def _page_ends(data: bytes) -> set[int]:
    """Where each page ends, walked from the front: independent of the code under test."""
    ends, at = set(), 0
    while at < len(data):
        segments = data[at + 26]
        at += 27 + segments + sum(data[at + 27 : at + 27 + segments])
        ends.add(at)
    return ends


def test_a_cut_is_seen_wherever_it_falls_but_between_pages(whole: bytes) -> None:
    ends = _page_ends(whole)
    assert len(whole) in ends
    for length in range(len(whole) // 2, len(whole) + 1, 61):
        assert is_cut_off(io.BytesIO(whole[:length])) == (length not in ends), length
    for length in sorted(ends)[2:]:
        assert not is_cut_off(io.BytesIO(whole[:length]))


def test_a_cut_file_is_truncated(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.ogg"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BadInput) as caught:
        probe(path)
    assert caught.value.reason == Reason.TRUNCATED


@pytest.mark.skipif(not (SHARED / "audio").is_dir(), reason="../shared/audio is not here")
def test_no_real_file_is_taken_for_cut() -> None:
    paths = sorted((SHARED / "audio").glob("*.ogg"))
    assert len(paths) == 74
    for path in paths:
        with path.open("rb") as file:
            assert not is_cut_off(file), path.name


def test_the_links_of_a_chain_are_found(whole: bytes) -> None:
    assert find_links(io.BytesIO(whole)) == [(0, len(whole))]
    chain = whole + bytes(100) + whole + whole
    second, third = len(whole) + 100, 2 * len(whole) + 100
    assert find_links(io.BytesIO(chain)) == [(0, second), (second, third), (third, len(chain))]


@pytest.mark.parametrize("content", [b"", b"OggS", b"OggS" + bytes(100), bytes(5000)])
def test_what_has_no_pages_is_one_link(content: bytes) -> None:
    assert find_links(io.BytesIO(content)) == [(0, len(content))]


def test_the_first_pages_of_several_streams_start_one_link() -> None:
    def page(serial: int, flags: int) -> bytes:
        return b"OggS\0" + bytes([flags]) + bytes(8) + serial.to_bytes(4, "little") + bytes(8) + b"\x01\x01x"

    link = page(1, 2) + page(2, 2) + page(1, 0) + page(2, 0)
    assert find_links(io.BytesIO(link + link)) == [(0, len(link)), (len(link), 2 * len(link))]
