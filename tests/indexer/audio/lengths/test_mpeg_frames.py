"""The length of MPEG audio is that of its frames; a cut file keeps what its header promises."""

from __future__ import annotations

import io
import time

import pytest

from indexer.audio.lengths.mpeg_frames import frame_count, mpeg_length
from tests.indexer.audio.written_formats import Written, ape_tag, id3, with_xing_frames, without_first_frame

SECONDS = 5.6
MP3 = Written("MP3", "MPEG_LAYER_III", library="sndfile")


def length_s(content: bytes) -> float:
    length = mpeg_length(io.BytesIO(content))
    assert length is not None
    return length.duration_s


def test_what_the_encoder_added_is_not_counted() -> None:
    content = MP3.content(SECONDS)
    tag = frame_count(content[:256])
    assert tag is not None
    assert tag.delay >= 576
    assert length_s(content) == pytest.approx(SECONDS, abs=1e-4)
    # Without the tag nobody knows what was added; two more frames are all it can be.
    assert SECONDS < length_s(without_first_frame(content)) < SECONDS + 0.08


def test_a_file_that_ends_inside_a_frame_and_promises_more_is_cut() -> None:
    content = MP3.content(SECONDS)
    cut = mpeg_length(io.BytesIO(content[: len(content) // 2 + 5]))
    assert cut is not None
    assert cut.is_cut
    assert cut.settle(SECONDS) == SECONDS
    assert not cut.exceeds(SECONDS)


def test_a_count_that_lies_about_a_whole_file_is_no_cut() -> None:
    length = mpeg_length(io.BytesIO(with_xing_frames(4)(MP3.content(SECONDS))))
    assert length is not None
    assert not length.is_cut
    assert length.settle(4 * SECONDS) == pytest.approx(SECONDS, abs=0.05)


def test_the_padding_at_the_end_counts_where_the_end_is_missing() -> None:
    content = MP3.content(SECONDS)
    tag = frame_count(content[:256])
    assert tag is not None
    assert tag.padding > 0
    longer = length_s(with_xing_frames(4)(content)) - length_s(content)
    assert longer == pytest.approx(tag.padding / 44_100, abs=1e-6)


def test_frames_are_counted_across_blocks_and_junk(monkeypatch: pytest.MonkeyPatch) -> None:
    content = MP3.content(SECONDS)
    whole = length_s(content)
    monkeypatch.setattr("indexer.audio.lengths.mpeg_frames._BLOCK_BYTES", 1500)
    assert length_s(content) == whole
    monkeypatch.undo()
    middle = content.index(content[:2], len(content) // 2)
    assert length_s(content[:middle] + bytes(5000) + content[middle:]) == pytest.approx(whole, abs=0.06)


@pytest.mark.parametrize("junk", [b"\xff", b"\xff\xfb\x90"])
def test_junk_that_looks_like_frames_costs_little(junk: bytes) -> None:
    one, other = (b"\xff\xfb\x90\x64" + bytes(413)) * 3, (b"\xff\xfb\x94\x64" + bytes(380)) * 3
    content = (one + junk * (900_000 // len(junk)) + other + junk * (900_000 // len(junk))) * 20
    started = time.process_time()
    mpeg_length(io.BytesIO(content))
    assert time.process_time() - started < 3


def test_a_tag_between_joined_files_may_be_of_any_size() -> None:
    one, other = MP3.content(SECONDS), MP3.content(7.0, seed=1)
    both = length_s(one + other)
    assert both == pytest.approx(SECONDS + 7.0, abs=0.1)
    for tag in (id3(b"\x01" * 3_000_000), id3() + ape_tag(b"\x01" * 2_000_000), b"TAG" + bytes(125) + id3()):
        assert length_s(one + tag + other) == pytest.approx(both, abs=1e-6)
    lie = b"ID3\x04\0\0\x7f\x7f\x7f\x7f"
    assert length_s(one + lie + other) == pytest.approx(both, abs=1e-6), "the size of the tag is no reason to stop"


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xfb", b"hello", bytes(5000), b"\xff\xfb\x00\xc4" * 500])
def test_what_has_no_frames_of_known_length_has_no_length(content: bytes) -> None:
    assert mpeg_length(io.BytesIO(content)) is None


@pytest.mark.parametrize("length", [4, 50, 300, 1000])
def test_a_header_and_nothing_behind_it_is_no_error(length: int) -> None:
    mpeg_length(io.BytesIO(MP3.content(SECONDS)[:length]))
