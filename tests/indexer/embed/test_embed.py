"""Embedding: everything once, good clips whatever the bad ones do, and nothing lost when it stops."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, EmbedProgress, EmbedReport, embed
from indexer.encoders.base import Encoder
from indexer.files.locks import exclusive
from indexer.ingest.scan import scan
from indexer.store.shard import open_shard
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import BadInput, Busy
from recommender.types import ClipEmbeddings, Waveform
from tests.fakes import RATE_HZ, BandEncoder, write_tone


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for artist in range(2):
        for title in range(3):
            write_tone(folder / f"Artist {artist}" / f"Song {title}.wav", hz=200 + 700 * artist + 40 * title)
    return folder


def _scan(catalog: Catalog, folder: Path, pool: DecoderPool) -> None:
    scan(catalog, folder, pool=pool, progress=lambda done, total: None)


def _embed(catalog: Catalog, home: Path, pool: DecoderPool, encoder: Encoder, *, retry: bool = False) -> EmbedReport:
    store = EmbeddingStore(home, encoder.space)
    return embed(catalog, store, encoder, pool, options=EmbedOptions(batch=4, retry=retry))


def test_every_clip_is_embedded_once_and_never_again(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    encoder = BandEncoder()
    _scan(catalog, music, pool)
    first = _embed(catalog, tmp_path, pool, encoder)
    second = _embed(catalog, tmp_path, pool, encoder)
    assert (first.embedded, first.known, first.failed) == (6, 0, ())
    assert (second.embedded, second.known) == (0, 6)
    assert encoder.clips == 6


def test_only_new_music_is_embedded(catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool) -> None:
    encoder = BandEncoder()
    _scan(catalog, music, pool)
    _embed(catalog, tmp_path, pool, encoder)
    write_tone(music / "Artist 2" / "Song.wav", hz=3000)
    _scan(catalog, music, pool)
    assert _embed(catalog, tmp_path, pool, encoder).embedded == 1


def test_a_renamed_file_costs_no_extraction(catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool) -> None:
    encoder = BandEncoder()
    _scan(catalog, music, pool)
    _embed(catalog, tmp_path, pool, encoder)
    (music / "Artist 0" / "Song 0.wav").rename(music / "Artist 0" / "Song 0 (final).wav")
    _scan(catalog, music, pool)
    assert _embed(catalog, tmp_path, pool, encoder).embedded == 0


def _silence(path: Path) -> None:
    soundfile.write(path, np.zeros(6 * RATE_HZ), RATE_HZ)


def test_a_clip_that_cannot_be_used_has_a_reason_and_costs_nobody_else(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _silence(music / "Artist 1" / "Quiet.wav")
    _scan(catalog, music, pool)
    report = _embed(catalog, tmp_path, pool, BandEncoder())
    assert report.embedded == 6
    assert report.by_reason == {"silent": 1}
    failure = catalog.failures(BandEncoder.space.key)[0]
    assert (failure.source_path, failure.reason) == (str(music / "Artist 1" / "Quiet.wav"), "silent")


def test_a_failed_clip_is_left_alone_until_asked(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _silence(music / "Artist 1" / "Quiet.wav")
    _scan(catalog, music, pool)
    first = _embed(catalog, tmp_path, pool, BandEncoder())
    assert (first.failed_before, first.left_alone) == ({}, ())
    second = _embed(catalog, tmp_path, pool, BandEncoder())
    assert (second.failed, second.failed_before) == ((), {"silent": 1})
    assert second.left_alone == first.failed
    again = _embed(catalog, tmp_path, pool, BandEncoder(), retry=True)
    assert (len(again.failed), again.failed_before) == (1, {})


def test_a_file_that_is_away_is_tried_again_by_the_next_run(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    path = music / "Artist 0" / "Song 2.wav"
    away = path.rename(tmp_path / "away.wav")
    assert _embed(catalog, tmp_path, pool, BandEncoder()).by_reason == {"not_a_file": 1}
    away.rename(path)
    assert _embed(catalog, tmp_path, pool, BandEncoder()).embedded == 1


@pytest.mark.parametrize("changed", [[0], [5], [0, 1, 2, 3, 4, 5], [2, 3]])
def test_a_file_that_changed_since_the_scan_is_never_embedded_as_what_it_was(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool, changed: list[int]
) -> None:
    _scan(catalog, music, pool)
    paths = [Path(clip.source_path) for clip in catalog.pending_clips(BandEncoder.space.key)]
    for number in changed:
        write_tone(paths[number], hz=3000 + number, seconds=7.0)
    report = _embed(catalog, tmp_path, pool, BandEncoder())
    assert report.embedded == 6 - len(changed)
    assert sorted(row[:2] for row in report.failed) == sorted((str(paths[n]), "changed_since_scan") for n in changed)
    _scan(catalog, music, pool)
    assert _embed(catalog, tmp_path, pool, BandEncoder()).embedded == len(changed)


def test_other_audio_of_the_same_size_and_time_is_never_embedded_as_what_it_replaced(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    path = music / "Artist 0" / "Song 2.wav"
    before = path.stat()
    write_tone(path, hz=3333)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    report = _embed(catalog, tmp_path, pool, BandEncoder())
    assert (report.embedded, report.by_reason) == (5, {"changed_since_scan": 1})
    assert catalog.failures(BandEncoder.space.key) == []
    path.touch()
    _scan(catalog, music, pool)
    assert _embed(catalog, tmp_path, pool, BandEncoder()).embedded == 1


@pytest.mark.parametrize("now", [b"", b"not audio any more"])
def test_what_a_file_became_is_not_held_against_the_clip_it_was(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool, now: bytes
) -> None:
    _scan(catalog, music, pool)
    path = music / "Artist 0" / "Song 2.wav"
    was = path.read_bytes()
    path.write_bytes(now)
    assert _embed(catalog, tmp_path, pool, BandEncoder()).by_reason == {"changed_since_scan": 1}
    path.write_bytes(was)
    assert _embed(catalog, tmp_path, pool, BandEncoder()).embedded == 1


class _Stumbling(BandEncoder):
    """Fails on any batch that holds the clip it cannot bear, as a network does on one poisonous input."""

    def __init__(self, bad_at: int) -> None:
        super().__init__()
        self._bad_at = bad_at

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        vectors = super().encode(clips)
        peaks = [int(np.abs(np.fft.rfft(clip)).argmax() / (len(clip) / 8000)) for clip in clips]
        if self._bad_at in peaks:
            raise RuntimeError("poison")
        return vectors


def test_a_clip_the_encoder_cannot_bear_fails_alone(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    report = _embed(catalog, tmp_path, pool, _Stumbling(bad_at=240))
    assert report.embedded == 5
    assert report.by_reason == {"encoder_failed": 1}
    assert "Song 1.wav" in report.failed[0][0]


class _Deaf(BandEncoder):
    """Refuses, with a reason, the clip whose level is highest; works in rows of three."""

    rows = 3

    def __init__(self, refused_above: float) -> None:
        super().__init__()
        self._refused_above = refused_above
        self.sizes: list[int] = []

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        self.sizes.append(len(clips))
        if any(np.abs(clip).max() > self._refused_above for clip in clips):
            raise BadInput("encoder_memory", "it does not fit")
        return super().encode(clips)


def test_what_the_encoder_says_of_a_clip_is_its_reason_in_the_ledger(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    write_tone(music / "Artist 1" / "Loud.wav", hz=2500, level=0.9)
    _scan(catalog, music, pool)
    report = _embed(catalog, tmp_path, pool, _Deaf(0.7))
    assert (report.embedded, report.by_reason) == (6, {"encoder_memory": 1})
    assert report.audio_s == pytest.approx(36.0)
    failure = catalog.failures(BandEncoder.space.key)[0]
    assert (Path(failure.source_path).name, failure.detail) == ("Loud.wav", "it does not fit")


def test_an_encoder_that_works_in_rows_gets_them_filled(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    encoder = _Deaf(2.0)
    _embed(catalog, tmp_path, pool, encoder)
    assert encoder.sizes == [6]


class _Interrupted(BandEncoder):
    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        if self.clips:
            raise KeyboardInterrupt
        return super().encode(clips)


def test_what_was_encoded_before_ctrl_c_is_kept(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    with pytest.raises(KeyboardInterrupt):
        _embed(catalog, tmp_path, pool, _Interrupted())
    again = _embed(catalog, tmp_path, pool, BandEncoder())
    assert (again.known, again.embedded) == (4, 2)


def test_a_lost_ledger_is_made_again_from_the_shards(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    _embed(catalog, tmp_path, pool, BandEncoder())
    space = BandEncoder.space.key
    catalog.forget_extractions(space, [clip.clip_id for clip in catalog.read_embedded_clips(space)])
    encoder = BandEncoder()
    report = _embed(catalog, tmp_path, pool, encoder)
    assert (report.known, report.embedded, encoder.clips) == (6, 0, 0)


def test_a_lost_shard_costs_only_its_own_clips(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    _embed(catalog, tmp_path, pool, BandEncoder())
    write_tone(music / "Artist 9" / "Late.wav", hz=3500)
    _scan(catalog, music, pool)
    _embed(catalog, tmp_path, pool, BandEncoder())
    (tmp_path / "embeddings" / BandEncoder.space.key / "00000002.shard").unlink()
    report = _embed(catalog, tmp_path, pool, BandEncoder())
    assert (report.known, report.embedded) == (6, 1)


def test_a_shard_never_holds_more_than_its_bound_whatever_the_batch(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    store = EmbeddingStore(tmp_path, BandEncoder.space)
    assert embed(catalog, store, BandEncoder(), pool, options=EmbedOptions(batch=600, seal_every=4)).embedded == 6
    shards = [open_shard(path, fingerprint=store.space.fingerprint) for path in sorted(store.folder.glob("*.shard"))]
    assert [len(shard.clip_ids) for shard in shards] == [4, 2]


def test_a_limit_leaves_the_rest_to_the_next_runs(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    encoder = BandEncoder()
    store = EmbeddingStore(tmp_path, encoder.space)
    reports = [embed(catalog, store, encoder, pool, options=EmbedOptions(limit=4)) for _ in range(3)]
    assert [(report.embedded, report.known, report.left) for report in reports] == [(4, 0, 2), (2, 4, 0), (0, 6, 0)]
    assert encoder.clips == 6


def test_a_run_that_opened_the_store_before_another_filled_it_encodes_nothing_again(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _scan(catalog, music, pool)
    encoder = BandEncoder()
    opened_early = EmbeddingStore(tmp_path, encoder.space)
    assert _embed(catalog, tmp_path, pool, encoder).embedded == 6
    late = embed(catalog, opened_early, encoder, pool, options=EmbedOptions())
    assert (late.embedded, late.known, encoder.clips) == (0, 6, 6)


def test_progress_ends_with_every_clip_settled_and_sealed(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    _silence(music / "Artist 1" / "Quiet.wav")
    _scan(catalog, music, pool)
    seen: list[EmbedProgress] = []
    store = EmbeddingStore(tmp_path, BandEncoder.space)
    embed(catalog, store, BandEncoder(), pool, options=EmbedOptions(batch=2, progress=seen.append))
    assert (seen[-1].done, seen[-1].total, seen[-1].sealed, seen[-1].failed) == (7, 7, 6, {"silent": 1})
    assert seen[-1].audio_s == pytest.approx(36.0)


def test_two_runs_at_once_are_refused(catalog: Catalog, tmp_path: Path, pool: DecoderPool) -> None:
    store = EmbeddingStore(tmp_path, BandEncoder.space)
    with exclusive(store.lock_path), pytest.raises(Busy, match="held by process"):
        embed(catalog, store, BandEncoder(), pool, options=EmbedOptions())
