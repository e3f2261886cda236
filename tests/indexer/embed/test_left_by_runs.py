"""What runs leave: embeddings that outlive the audio, no copy of the audio, counts of artists and clips."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.audio.containers import looks_like_audio
from indexer.audio.workers.pool import DecoderPool
from indexer.build.build import build
from indexer.embed.embed import EmbedOptions, EmbedReport, embed
from indexer.ingest.scan import scan
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.generation.open_generation import Manifest
from recommender.types import Use
from tests.fakes import BandEncoder, write_tone

ARTISTS, TITLES = 3, 2


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for artist in range(ARTISTS):
        for title in range(TITLES):
            name = f"Artist {artist} - Song {title}.wav"
            write_tone(folder / f"Box {artist}" / "cd" / name, hz=200 + 700 * artist + 40 * title)
    return folder


def _scan(catalog: Catalog, folder: Path, pool: DecoderPool) -> None:
    scan(catalog, folder, pool=pool, progress=lambda done, total: None)


def _embed(catalog: Catalog, home: Path, pool: DecoderPool, encoder: BandEncoder) -> EmbedReport:
    return embed(catalog, EmbeddingStore(home, encoder.space), encoder, pool, options=EmbedOptions(batch=4))


def _build(catalog: Catalog, home: Path) -> Manifest:
    store = EmbeddingStore(home, BandEncoder.space)
    return build(catalog, store, home, use=Use.PERSONAL)


def test_embeddings_outlive_the_audio(catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool) -> None:
    encoder, home = BandEncoder(), tmp_path / "home"
    _scan(catalog, music, pool)
    _embed(catalog, home, pool, encoder)
    shutil.rmtree(music)
    again = _embed(catalog, home, pool, encoder)
    assert (again.embedded, again.known, again.failed) == (0, 6, ())
    assert encoder.clips == 6
    assert _build(catalog, home).counts.clips == 6


def test_no_audio_is_kept_beside_the_users_own(
    catalog: Catalog, tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with DecoderPool(workers=1) as pool:
        _scan(catalog, music, pool)
        _embed(catalog, home, pool, BandEncoder())
    _build(catalog, home)
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert {".shard"} <= {path.suffix for path in kept}
    assert [path for path in kept if looks_like_audio(path)] == []
    sound = next(music.rglob("*.wav")).read_bytes()
    assert sum(path.stat().st_size for path in kept) < ARTISTS * TITLES * len(sound) / 4
    assert list(scratch.iterdir()) == []


def test_a_build_counts_the_tracks_and_artists_that_have_audio(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    write_tone(music / "Box 9" / "cd" / "Artist 9 - Lost.wav", hz=600)
    _scan(catalog, music, pool)
    (music / "Box 9" / "cd" / "Artist 9 - Lost.wav").unlink()
    report = _embed(catalog, tmp_path / "home", pool, BandEncoder())
    counts = _build(catalog, tmp_path / "home").counts
    assert (report.embedded, len(report.failed)) == (6, 1)
    assert (counts.tracks_indexed, counts.tracks) == (6, 7)
    assert (counts.artists_indexed, counts.artists) == (3, 4)


def test_one_artist_first_and_the_others_later_encodes_nothing_twice(
    catalog: Catalog, tmp_path: Path, music: Path, pool: DecoderPool
) -> None:
    encoder, home = BandEncoder(), tmp_path / "home"
    _scan(catalog, music / "Box 1", pool)
    assert _embed(catalog, home, pool, encoder).embedded == 2
    counts = _build(catalog, home).counts
    assert (counts.artists_indexed, counts.tracks_indexed) == (1, 2)
    _scan(catalog, music, pool)
    assert _embed(catalog, home, pool, encoder).embedded == 4
    assert (encoder.clips, _build(catalog, home).counts.artists_indexed) == (6, 3)
