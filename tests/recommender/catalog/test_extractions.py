"""Which clips are pending, embedded or failed, on both databases."""

from __future__ import annotations

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import EmbeddedClip, Failure, FileRecord, NewClip, PendingClip
from tests.catalog_rows import add_artist


@pytest.fixture
def clips(catalog: Catalog) -> list[str]:
    track_id = catalog.find_or_add_track(add_artist(catalog, "Low"), "Words")
    added = [
        catalog.add_clip(
            NewClip(
                track_id=track_id,
                content_sha256=content * 64,
                start_ms=1000,
                length_ms=30_000,
                policy="middle30",
                source_path=f"/{content}",
            )
        )
        for content in "abcd"
    ]
    return sorted(clip.clip_id for clip in added)


def test_every_clip_is_pending_in_every_space_until_it_is_done(catalog: Catalog, clips: list[str]) -> None:
    assert [clip.clip_id for clip in catalog.pending_clips("one")] == clips
    catalog.mark_done("one", clips[:3])
    (left,) = catalog.pending_clips("one")
    path = catalog.read_clips(clips)[clips[3]].source_path
    content = path.removeprefix("/") * 64
    assert left == PendingClip(
        clip_id=clips[3], source_path=path, content_sha256=content, start_ms=1000, length_ms=30_000
    )
    assert len(catalog.pending_clips("two")) == 4


def test_embedded_clips_come_with_their_track_in_id_order(catalog: Catalog, clips: list[str]) -> None:
    catalog.mark_done("one", list(reversed(clips)))
    (track,) = catalog.read_tracks()
    assert catalog.read_embedded_clips("one") == [EmbeddedClip(clip_id=i, track_id=track.id) for i in clips]
    assert catalog.read_embedded_clips("two") == []


def test_a_failure_is_kept_and_only_tried_again_when_asked(catalog: Catalog, clips: list[str]) -> None:
    for reason in ("decode_error", "silent"):
        catalog.mark_failed("one", clips[0], reason, f"because {reason}")
    catalog.mark_failed("one", clips[1], "silent", "x\0y" + "z" * 5000)
    catalog.mark_done("one", clips[2:])
    assert catalog.pending_clips("one") == []
    assert [clip.clip_id for clip in catalog.pending_clips("one", retry_failed=True)] == clips[:2]
    first, second = catalog.failures("one")
    path = catalog.read_clips(clips)[clips[0]].source_path
    assert first == Failure(clip_id=clips[0], source_path=path, reason="silent", detail="because silent", attempts=2)
    assert len(second.detail) == 1000
    assert second.detail.startswith("x\ufffdyz")


def test_a_retry_that_works_clears_the_failure(catalog: Catalog, clips: list[str]) -> None:
    catalog.mark_failed("one", clips[0], "decoder_timeout", "60 s")
    catalog.mark_done("one", clips[:1])
    assert catalog.failures("one") == []
    assert [clip.clip_id for clip in catalog.read_embedded_clips("one")] == clips[:1]


def test_forgotten_extractions_are_pending_again(catalog: Catalog, clips: list[str]) -> None:
    catalog.mark_done("one", clips)
    catalog.mark_done("two", clips)
    catalog.forget_extractions("one", clips[:1])
    assert [clip.clip_id for clip in catalog.pending_clips("one")] == clips[:1]
    assert catalog.pending_clips("two") == []


def test_a_failure_of_a_clip_whose_file_was_replaced_is_not_told(catalog: Catalog, clips: list[str]) -> None:
    catalog.mark_failed("one", clips[0], "silent", "")
    path = catalog.read_clips(clips)[clips[0]].source_path
    catalog.record_files([FileRecord(path=path, size=1, mtime_ns=1, reason="truncated", detail="")])
    assert catalog.failures("one") == []
