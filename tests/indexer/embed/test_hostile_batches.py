"""Hostile audio among good: the good clips' embeddings are, to the bit, those of a run without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoders.base import Encoder
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from indexer.ingest.scan import scan
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.types import ClipEmbeddings
from tests.indexer.audio.written_audio import RATE_HZ, melody, write

GOOD = 5
LET_THROUGH = "tests.indexer.audio.workers.decoder_handlers:let_silence_through"


def _artist(music: Path) -> Path:
    """A folder inside: the scan reads the artist's name from it."""
    folder = music / "Hostile"
    folder.mkdir()
    return folder


def _good(folder: Path, number: int) -> None:
    """Music of 6 s; every second file is stereo, as other shapes of work go through the same decoders."""
    sound = melody(6 + number % 2, seed=number)
    write(folder / f"{number} good.wav", np.stack([sound, -0.5 * sound], axis=1) if number % 2 else sound)


def _silent(path: Path, seed: int) -> None:
    write(path, np.full(6 * RATE_HZ, 0.001 * seed, np.float32))


def _nan(path: Path, seed: int) -> None:
    sound = melody(6, seed=seed)
    sound[RATE_HZ:] = np.nan
    write(path, sound, subtype="FLOAT")


def _truncated(path: Path, seed: int) -> None:
    whole = write(path.with_suffix(".flac"), melody(30, seed=seed)).read_bytes()
    path.with_suffix(".flac").write_bytes(whole[: len(whole) // 2])


def _short(path: Path, seed: int) -> None:
    write(path, melody(1, seed=seed))


def _text(path: Path, seed: int) -> None:
    path.with_suffix(".mp3").write_text(f"just text, renamed {seed}", encoding="utf-8")


HOSTILE: dict[Callable[[Path, int], None], str] = {
    _silent: "silent",
    _nan: "non_finite",
    _truncated: "truncated",
    _short: "too_short",
    _text: "not_audio",
}
"""How to make each kind -> the reason it gets."""


def _descriptors(_folder: Path) -> Encoder:
    return DescriptorEncoder()


def _tiny_mert(folder: Path) -> Encoder:
    pytest.importorskip("torch", reason="the mert extra is not installed")
    from indexer.encoders.mert.encoder import MertEncoder, MertOptions
    from tests.indexer.encoders.mert import tiny

    weights = tiny.checkpoint(folder, tiny.POST_NORM)
    return MertEncoder(tiny.spec_of(tiny.POST_NORM), weights, MertOptions(device="cpu"))


@pytest.fixture(scope="module", params=[_descriptors, _tiny_mert], ids=["descriptors", "mert"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    made: Encoder = request.param(tmp_path_factory.mktemp("weights"))
    return made


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files alone."""
    folder = _artist(tmp_path_factory.mktemp("clean"))
    for number in range(GOOD):
        _good(folder, number)
    return folder.parent


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same good files, and each kind of hostile one before the first, after the last and between any two."""
    folder = _artist(tmp_path_factory.mktemp("mixed"))
    for number in range(GOOD):
        _good(folder, number)
    for place in range(GOOD + 1):
        for kind, make in enumerate(HOSTILE):
            make(folder / f"{place} hostile {kind}.wav", 10 * (place + 1) + kind)
    return folder.parent


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def lenient() -> Iterator[DecoderPool]:
    """Decoders that let silence through, so that it stands in the encoder's own batches."""
    with DecoderPool(workers=2, handler=LET_THROUGH) as opened:
        yield opened


def _embedded(
    home: Path, music: Path, encoder: Encoder, pool: DecoderPool, *, batch: int
) -> tuple[dict[str, int], dict[str, ClipEmbeddings]]:
    """Reason -> files without an embedding, and clip -> ``[layer, dim]`` of every clip in the store."""
    home.mkdir()
    with Catalog.open(f"sqlite:///{home / 'catalog.db'}") as catalog:
        scanned = scan(catalog, music, pool=pool, progress=lambda done, total: None)
        store = EmbeddingStore(home, encoder.space)
        report = embed(catalog, store, encoder, pool, options=EmbedOptions(batch=batch))
    clips = sorted(store.clip_ids)
    layers = [store.layer(layer, clips) for layer in range(len(encoder.space.layers))]
    reasons = Counter(one.reason for one in scanned.rejected) + Counter(report.by_reason)
    return dict(reasons), dict(zip(clips, np.stack(layers, axis=1), strict=True))


def _same(found: dict[str, ClipEmbeddings], wanted: dict[str, ClipEmbeddings]) -> bool:
    return {clip: each.tobytes() for clip, each in found.items()} == {
        clip: each.tobytes() for clip, each in wanted.items()
    }


@pytest.mark.parametrize("batch", [2, 4])
def test_good_clips_embed_to_the_bit_as_without_the_hostile_files_among_them(
    tmp_path: Path, clean: Path, mixed: Path, encoder: Encoder, pool: DecoderPool, batch: int
) -> None:
    _, wanted = _embedded(tmp_path / "clean", clean, encoder, pool, batch=batch)
    reasons, found = _embedded(tmp_path / "mixed", mixed, encoder, pool, batch=batch)
    assert len(wanted) == GOOD
    assert reasons == dict.fromkeys(HOSTILE.values(), GOOD + 1)
    assert _same(found, wanted)


@pytest.mark.parametrize("batch", [2, 4])
def test_a_clip_the_encoder_itself_refuses_changes_no_bit_of_its_batch(
    tmp_path: Path, clean: Path, mixed: Path, encoder: Encoder, lenient: DecoderPool, batch: int
) -> None:
    _, wanted = _embedded(tmp_path / "clean", clean, encoder, lenient, batch=batch)
    reasons, found = _embedded(tmp_path / "mixed", mixed, encoder, lenient, batch=batch)
    assert len(wanted) == GOOD
    assert sum(reasons.values()) == len(HOSTILE) * (GOOD + 1)
    assert _same(found, wanted)
