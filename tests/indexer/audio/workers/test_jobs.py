"""What an inspection says of a file, and which files are still what was scanned."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.audio.decoder_base import Excerpt
from indexer.audio.workers.jobs import DecodeJob, Inspection, InspectJob, inspect, open_as_scanned, perform
from indexer.audio.workers.wire import job_from_bytes, job_to_bytes
from recommender.errors import BadInput
from tests.indexer.audio.identity.written_files import retag
from tests.indexer.audio.written_audio import melody, write


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds of MP3."""
    return write(tmp_path / "a.mp3", melody(6))


def job_for(path: Path, scanned: Inspection, *, audio_id: str | None) -> DecodeJob:
    return DecodeJob(
        path=path,
        excerpt=Excerpt(start_ms=0, length_ms=5500),
        sample_rate_hz=22_050,
        content_sha256=scanned.content_sha256,
        audio_id=audio_id,
    )


def test_an_inspection_has_both_hashes_and_both_times(clip: Path) -> None:
    inspection = inspect(clip)
    assert inspection.audio_id.startswith("r1:")
    assert inspection.ctime_ns == clip.stat().st_ctime_ns
    assert inspection.mtime_ns == clip.stat().st_mtime_ns


def test_new_tags_change_the_hash_and_the_ctime_but_not_the_id(clip: Path) -> None:
    before = inspect(clip)
    retag(clip)
    os.utime(clip, ns=(before.mtime_ns, before.mtime_ns))
    after = inspect(clip)
    assert after.audio_id == before.audio_id
    assert after.content_sha256 != before.content_sha256
    assert (after.mtime_ns, after.ctime_ns > before.ctime_ns) == (before.mtime_ns, True)


def test_a_file_with_new_tags_is_decoded_to_the_same_samples(clip: Path) -> None:
    scanned = inspect(clip)
    job = job_for(clip, scanned, audio_id=scanned.audio_id)
    before = perform(job)
    retag(clip)
    after = perform(job)
    assert not isinstance(before, Inspection)
    assert not isinstance(after, Inspection)
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("with_id", [True, False])
def test_another_sound_under_the_name_has_changed_since_the_scan(clip: Path, with_id: bool) -> None:
    scanned = inspect(clip)
    write(clip, melody(6, seed=1))
    with pytest.raises(BadInput, match="changed_since_scan"):
        perform(job_for(clip, scanned, audio_id=scanned.audio_id if with_id else None))


def test_a_text_under_the_name_has_changed_since_the_scan(clip: Path) -> None:
    scanned = inspect(clip)
    clip.write_text("words")
    with pytest.raises(BadInput, match="changed_since_scan"):
        perform(job_for(clip, scanned, audio_id=scanned.audio_id))


def test_without_an_id_new_tags_are_a_change(clip: Path) -> None:
    scanned = inspect(clip)
    retag(clip)
    with pytest.raises(BadInput, match="changed_since_scan"):
        perform(job_for(clip, scanned, audio_id=None))


def test_the_same_bytes_are_accepted_even_if_the_id_is_of_another_ffmpeg(clip: Path) -> None:
    with open_as_scanned(clip, inspect(clip).content_sha256, "p1:" + "0" * 64) as file:
        assert file.seek(0, os.SEEK_END) == clip.stat().st_size


def test_tags_written_while_it_is_decoded_are_a_change(clip: Path) -> None:
    scanned = inspect(clip)
    with (
        pytest.raises(BadInput, match="changed_since_scan"),
        open_as_scanned(clip, None, scanned.audio_id),
    ):
        retag(clip)


def test_jobs_travel_with_their_ids(clip: Path) -> None:
    job = job_for(clip, inspect(clip), audio_id="r1:" + "5" * 64)
    assert job_from_bytes(job_to_bytes(job)) == job
    assert job_from_bytes(job_to_bytes(InspectJob(path=clip))) == InspectJob(path=clip)
