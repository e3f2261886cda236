"""`embed --store fp16`: half the room, and a clip that it would spoil is refused until it may be kept in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundkin
from indexer.audio.workers.pool import DecoderPool
from indexer.demo.synth import SAMPLE_RATE_HZ, render
from indexer.embed.embed import EmbedOptions, EmbedReport, embed
from indexer.ingest.scan import scan
from indexer.store.shard import Stored
from indexer.store.store import EMBEDDINGS, EmbeddingStore, open_shards
from recommender.catalog import Catalog
from recommender.types import ClipEmbeddings, Waveform
from tests.fakes import BandEncoder, write_tone


class _Loud(BandEncoder):
    """Gives clips that peak above 0.7 numbers that fp16 does not have."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        vectors = super().encode(clips)
        vectors[[bool(np.abs(clip).max() > 0.7) for clip in clips], 1] *= 1e6
        return vectors


def _embed(catalog: Catalog, home: Path, stored: Stored, *, retry: bool = False) -> EmbedReport:
    store = EmbeddingStore(home, BandEncoder.space, stored=stored)
    with DecoderPool(workers=1) as pool:
        return embed(catalog, store, _Loud(), pool, options=EmbedOptions(retry=retry))


def test_a_clip_that_fp16_cannot_hold_is_refused_with_the_cure_and_the_cure_works(tmp_path: Path) -> None:
    music, home = tmp_path / "music", tmp_path / "home"
    for hz in (200, 400, 800):
        write_tone(music / "Low" / f"{hz}.wav", hz=hz)
    write_tone(music / "Low" / "loud.wav", hz=1000, level=0.9)
    home.mkdir()
    with Catalog.open(home / "catalog.db") as catalog:
        with DecoderPool(workers=1) as pool:
            scan(catalog, music, pool=pool, progress=lambda done, total: None)
        report = _embed(catalog, home, Stored.FP16)
        assert (report.embedded, report.by_reason) == (3, {"lost_in_store": 1})
        ((path, _, detail),) = report.failed
        assert Path(path).name == "loud.wav"
        assert "run soundkin embed --store fp32 --retry-failed" in detail
        assert _embed(catalog, home, Stored.FP32, retry=True).embedded == 1
    store = EmbeddingStore(home, BandEncoder.space)
    shards = open_shards(store.folder, fingerprint=store.space.fingerprint)
    assert [(shard.stored, shard.clips) for shard in shards] == [(Stored.FP16, 3), (Stored.FP32, 1)]
    assert np.abs(store.layer(1, sorted(store.clip_ids))).max() > 65504


@pytest.mark.parametrize(("words", "expected"), [((), Stored.FP32), (("--store", "fp16"), Stored.FP16)])
def test_the_command_keeps_embeddings_in_the_type_that_is_asked_for(
    tmp_path: Path, words: tuple[str, ...], expected: Stored
) -> None:
    music, home = tmp_path / "music", tmp_path / "home"
    music.mkdir()
    soundfile.write(music / "Low - Song.wav", render("folk", seed=1, seconds=6.0), SAMPLE_RATE_HZ)
    for command in (("scan", str(music), "--workers", "1"), ("embed", "--workers", "1", *words)):
        with pytest.raises(SystemExit) as left:
            soundkin.main([*command, "--home", str(home)])
        assert left.value.code in (0, None)
    (folder,) = (home / EMBEDDINGS).iterdir()
    (shard,) = open_shards(folder, fingerprint=folder.name.rpartition("-")[2])
    assert shard.stored is expected
