"""Vectors of two spaces never meet, and a space stays the same space for as long as its vectors do.

A fingerprint is over what changes a vector and over nothing else: no version of this package or of another is in it, so
that an upgrade never asks for embeddings to be made again. Whoever changes a literal below makes every user embed
everything anew: do it only together with a change to what is embedded.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from indexer.audio.decode import EXCERPT_POLICY
from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import EmbeddingsCorrupt, SpaceMismatch
from tests.fakes import BandEncoder
from tests.faults import homes

OTHER = structs.replace(BandEncoder.space, revision="2")


def test_an_encoder_does_not_embed_into_the_store_of_another_space(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as catalog, DecoderPool(workers=1) as pool:
        store = EmbeddingStore(tmp_path, OTHER)
        with pytest.raises(SpaceMismatch, match=f"expected {OTHER.key}, found {BandEncoder.space.key}"):
            embed(catalog, store, BandEncoder(), pool, options=EmbedOptions())


def test_a_build_does_not_begin_where_a_shard_of_another_space_lies(tmp_path: Path) -> None:
    homes.add_tracks(tmp_path, range(4))
    other = structs.replace(homes.SPACE, revision="2")
    stranger = EmbeddingStore(tmp_path, other)
    stranger.append([f"{1:032x}"], np.ones((1, 2, homes.SPACE.dim), dtype=np.float32), space=other)
    homes.build(tmp_path)
    shutil.copy(stranger.folder / "00000001.shard", EmbeddingStore(tmp_path, homes.SPACE).folder / "00000002.shard")
    with pytest.raises(EmbeddingsCorrupt, match=f"is of space {stranger.space.fingerprint}"):
        homes.build(tmp_path)


def test_the_space_of_the_descriptors_is_the_one_of_the_first_release() -> None:
    space = DescriptorEncoder().space
    assert (space.revision, space.preprocessing) == ("1+8eff31b3a521b527", "1:mean-downmix:soxr-hq:middle30")
    assert space.key == "descriptors-529a61f02bb44c60"
    assert EXCERPT_POLICY == "middle30"


def test_the_spaces_of_mert_are_those_of_the_first_release() -> None:
    pytest.importorskip("torch", reason="the extra mert is not installed")
    from indexer.encoders.mert.device import Precision
    from indexer.encoders.mert.encoder import space_of
    from indexer.encoders.mert.models import MERT_V1_95M, MERT_V1_330M

    keys = [space_of(spec, "ab" * 32, precision=Precision.FP32).key for spec in (MERT_V1_95M, MERT_V1_330M)]
    assert keys == ["mert-v1-95m-1384809ca9d0053f", "mert-v1-330m-1ff86ef4623a798a"]
    half = space_of(MERT_V1_95M, "ab" * 32, precision=Precision.FP16)
    assert half.key == "mert-v1-95m-2d5357c4faaf4934"
