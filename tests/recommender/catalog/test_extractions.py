"""Which clips are pending, embedded or failed, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import EmbeddedClip, Failure, FileRecord, Generation, NewClip, PendingClip, Publication
from recommender.errors import CatalogError
from tests.catalog_rows import Run, add_artist, read_runs


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


GENERATION = Generation(
    version=1,
    space="mert-1",
    built_at="2026-11-21T09:00:00Z",
    manifest_sha256="a" * 64,
    artists=2,
    tracks=3,
    published_at="2026-11-21T10:00:00Z",
)


def test_a_generation_is_recorded_once(catalog: Catalog) -> None:
    catalog.record_generation(GENERATION)
    catalog.record_generation(replace(GENERATION, published_at="2026-11-22T10:00:00Z"))
    assert catalog.read_generations() == [GENERATION]


def test_a_published_number_is_not_given_to_other_contents(catalog: Catalog) -> None:
    catalog.record_generation(GENERATION)
    with pytest.raises(CatalogError, match="build the next number"):
        catalog.record_generation(replace(GENERATION, manifest_sha256="b" * 64))


def test_each_publication_is_on_record_in_the_order_in_which_it_was_made(catalog: Catalog) -> None:
    made = [
        Publication(version=2, action="publish", refusals="", forced_why=None, at="2026-11-21T10:00:00Z"),
        Publication(
            version=3, action="refused", refusals="golden: moved\nrecall: low", forced_why=None, at="2026-11-20"
        ),
        Publication(version=3, action="publish", refusals="golden: moved", forced_why="new ears", at="2026-11-22"),
        Publication(version=2, action="rollback", refusals="", forced_why=None, at="2026-11-22"),
        Publication(version=2, action="rollback", refusals="", forced_why=None, at="2026-11-22"),
    ]
    for publication in made:
        catalog.record_publication(publication)
    assert catalog.read_publications() == made


def test_an_action_that_is_none_is_not_recorded(catalog: Catalog) -> None:
    with pytest.raises(CatalogError):
        catalog.record_publication(Publication(version=1, action="dance", refusals="", forced_why=None, at="now"))


def test_a_run_is_running_until_it_says_how_it_ended(catalog: Catalog) -> None:
    first = catalog.begin_run("nightly", at="2026-11-21T02:00:00+00:00")
    begun = Run(
        id=first, kind="nightly", started_at="2026-11-21T02:00:00+00:00", ended_at=None, state="running", summary=None
    )
    assert read_runs(catalog, "nightly") == [begun]
    catalog.end_run(first, "done", at="2026-11-21T02:05:00+00:00", summary='{"a": "ü"}')
    (ended,) = read_runs(catalog, "nightly")
    assert (ended.state, ended.ended_at, ended.summary) == ("done", "2026-11-21T02:05:00+00:00", '{"a": "ü"}')


def test_a_run_that_never_said_how_it_ended_is_marked_killed_by_the_next_of_its_kind(catalog: Catalog) -> None:
    catalog.begin_run("nightly", at="1")
    other = catalog.begin_run("other", at="2")
    third = catalog.begin_run("nightly", at="3")
    catalog.end_run(third, "failed", at="4", summary="{}")
    catalog.begin_run("nightly", at="5")
    states = [(run.state, run.ended_at) for run in read_runs(catalog, "nightly")]
    assert states == [("killed", None), ("failed", "4"), ("running", None)]
    assert [(run.id, run.state) for run in read_runs(catalog, "other")] == [(other, "running")]


def test_a_run_ends_in_one_of_the_states_there_are(catalog: Catalog) -> None:
    run = catalog.begin_run("nightly", at="1")
    with pytest.raises(CatalogError):
        catalog.end_run(run, "tired", at="2", summary="{}")
