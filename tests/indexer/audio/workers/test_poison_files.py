"""Files that cost decoders their lives: tried again less and less often, then left alone until they change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from indexer.audio.rejection_reasons import DECODER_LOST, Reason
from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, EmbedReport, embed
from indexer.ingest.scan import ScanReport, read_again, scan
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import Clip
from recommender.types import ClipEmbeddings, Waveform
from tests.fakes import BandEncoder, write_tone

MISBEHAVE = "tests.indexer.audio.workers.decoder_handlers:misbehave"
TRIED = [1, 2, 5, 14]
"""Runs of 15 that risk a decoder: the first, and the 1st, the 3rd and the 9th after each loss."""
SPACE = BandEncoder.space.key

Scan = Callable[[], ScanReport]
Embed = Callable[..., EmbedReport]


@pytest.fixture(scope="module")
def good_pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def bad_pool() -> Iterator[DecoderPool]:
    """Decoders that die of any file whose path says "crash"; no test here may have "hang" or "nan" in its name."""
    with DecoderPool(workers=1, handler=MISBEHAVE) as pool:
        yield pool


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    write_tone(folder / "Low - Good.wav", hz=300)
    write_tone(folder / "Low - crash.wav", hz=500)
    return folder


@pytest.fixture
def run_scan(catalog: Catalog, music: Path, bad_pool: DecoderPool) -> Scan:
    return lambda: scan(catalog, music, pool=bad_pool, progress=lambda done, total: None)


@pytest.fixture
def run_embed(catalog: Catalog, tmp_path: Path, music: Path, good_pool: DecoderPool, bad_pool: DecoderPool) -> Embed:
    """Embed what ``good_pool`` scanned, with decoders that die of one of the two clips."""
    scan(catalog, music, pool=good_pool, progress=lambda done, total: None)

    def run(*, retry: bool = False) -> EmbedReport:
        store = EmbeddingStore(tmp_path, BandEncoder.space)
        return embed(catalog, store, BandEncoder(), bad_pool, options=EmbedOptions(batch=4, retry=retry))

    return run


def scanned(report: ScanReport) -> str:
    """What a scan did with the one bad file."""
    (row,) = report.rejected
    assert (Path(row.path).name, row.reason) == ("Low - crash.wav", "decoder_crashed")
    return "waiting" if report.waiting else "quarantined" if report.quarantined else "tried"


def embedded(report: EmbedReport) -> str:
    """What a run did with the one bad clip."""
    ((path, reason, _),) = (*report.failed, *report.left_alone)
    assert (Path(path).name, reason) == ("Low - crash.wav", "decoder_crashed")
    assert bool(report.failed) != bool(report.waiting + report.quarantined)
    return "waiting" if report.waiting else "quarantined" if report.quarantined else "tried"


def the_clip(catalog: Catalog, name: str) -> Clip:
    with catalog.snapshot():
        ids = [row.clip_id for row in catalog.read_embedded_clips(SPACE)]
    (found,) = [clip for clip in catalog.read_clips(ids).values() if Path(clip.source_path).name == name]
    return found


def test_the_reasons_of_the_decoder_are_the_three_that_cost_one() -> None:
    assert {Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_MEMORY} == DECODER_LOST


def test_fifteen_scans_risk_a_decoder_in_the_runs_1_2_5_and_14(run_scan: Scan) -> None:
    fates = [scanned(run_scan()) for _ in range(15)]
    assert [number for number, fate in enumerate(fates, start=1) if fate == "tried"] == TRIED
    assert fates[14] == "quarantined"
    assert fates.count("waiting") == 10


def test_fifteen_embeddings_risk_a_decoder_in_the_runs_1_2_5_and_14(run_embed: Embed) -> None:
    fates = [embedded(run_embed()) for _ in range(15)]
    assert [number for number, fate in enumerate(fates, start=1) if fate == "tried"] == TRIED
    assert fates[14] == "quarantined"
    assert fates.count("waiting") == 10


def test_a_file_that_is_another_by_now_is_read_at_once_and_starts_afresh(run_scan: Scan, music: Path) -> None:
    assert [scanned(run_scan()) for _ in range(4)] == ["tried", "tried", "waiting", "waiting"]
    write_tone(music / "Low - crash.wav", hz=700, seconds=7.0)
    assert [scanned(run_scan()) for _ in range(4)] == ["tried", "tried", "waiting", "waiting"]


def test_a_file_that_was_only_touched_is_read_at_once(run_scan: Scan, music: Path) -> None:
    assert [scanned(run_scan()) for _ in range(3)] == ["tried", "tried", "waiting"]
    os.utime(music / "Low - crash.wav", ns=(1, 1))
    assert scanned(run_scan()) == "tried"


def test_a_scan_that_is_asked_reads_the_files_in_quarantine_again(
    catalog: Catalog, music: Path, run_scan: Scan, good_pool: DecoderPool
) -> None:
    for _ in range(15):
        run_scan()
    read_again(catalog, music)
    assert [scanned(run_scan()) for _ in range(2)] == ["tried", "quarantined"]
    read_again(catalog, music)
    cured = scan(catalog, music, pool=good_pool, progress=lambda done, total: None)
    assert (cured.new_clips, cured.rejected) == (1, ())


def test_embedding_that_is_asked_tries_the_clips_in_quarantine_again(run_embed: Embed) -> None:
    for _ in range(15):
        run_embed()
    assert embedded(run_embed(retry=True)) == "tried"
    assert embedded(run_embed()) == "quarantined"


def test_a_clip_whose_file_was_touched_is_tried_again_by_the_next_embedding(
    catalog: Catalog, music: Path, run_embed: Embed, good_pool: DecoderPool
) -> None:
    assert [embedded(run_embed()) for _ in range(3)] == ["tried", "tried", "waiting"]
    os.utime(music / "Low - crash.wav", ns=(1, 1))
    scan(catalog, music, pool=good_pool, progress=lambda done, total: None)
    assert embedded(run_embed()) == "tried"


def test_a_file_that_kills_decoders_since_it_was_replaced_keeps_the_clip_it_gave_before(
    catalog: Catalog, music: Path, run_scan: Scan, good_pool: DecoderPool
) -> None:
    scan(catalog, music, pool=good_pool, progress=lambda done, total: None)
    catalog.mark_done(SPACE, [clip.clip_id for clip in catalog.pending_clips(SPACE)])
    before = the_clip(catalog, "Low - crash.wav")
    write_tone(music / "Low - crash.wav", hz=700, seconds=7.0)
    assert [scanned(run_scan()) for _ in range(15)][-1] == "quarantined"
    assert the_clip(catalog, "Low - crash.wav") == before
    write_tone(music / "Low - crash.wav", hz=900, seconds=8.0)
    scan(catalog, music, pool=good_pool, progress=lambda done, total: None)
    assert len(catalog.read_embedded_clips(SPACE)) == 1


class _Unwell(BandEncoder):
    """Gives up every clip."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        self.clips += len(clips)
        raise RuntimeError("no reason")


def test_what_the_encoder_gave_up_is_tried_again_in_the_same_runs(
    catalog: Catalog, tmp_path: Path, music: Path, good_pool: DecoderPool
) -> None:
    (music / "Low - crash.wav").unlink()
    scan(catalog, music, pool=good_pool, progress=lambda done, total: None)
    tried = []
    for run in range(1, 16):
        encoder = _Unwell()
        store = EmbeddingStore(tmp_path, encoder.space)
        report = embed(catalog, store, encoder, good_pool, options=EmbedOptions(batch=4))
        tried += [run] * encoder.clips
        assert report.waiting + report.quarantined == 1 - encoder.clips
    assert (tried, report.quarantined) == (TRIED, 1)
    assert catalog.failures(SPACE)[0].reason == "encoder_failed"
    well = EmbedOptions(batch=4, retry=True)
    assert (
        embed(catalog, EmbeddingStore(tmp_path, BandEncoder.space), BandEncoder(), good_pool, options=well).embedded
        == 1
    )


def test_a_row_of_losses_is_ended_by_any_other_failure(catalog: Catalog, run_embed: Embed) -> None:
    (clip,) = [clip for clip in catalog.pending_clips(SPACE) if "crash" in clip.source_path]
    for reason in ("decoder_timeout", "decoder_memory", "silent", "decoder_crashed"):
        catalog.mark_failed(SPACE, clip.clip_id, reason, "")
    (failure,) = catalog.failures(SPACE)
    assert (failure.attempts, failure.losses, failure.skip_runs) == (4, 1, 0)
    catalog.mark_done(SPACE, [clip.clip_id])
    catalog.mark_failed(SPACE, clip.clip_id, "decoder_crashed", "")
    assert catalog.failures(SPACE)[0].losses == 1
