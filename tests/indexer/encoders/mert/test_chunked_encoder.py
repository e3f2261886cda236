"""MERT in chunks keeps what every encoder keeps."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

from indexer.encoders.mert.batches import read_context
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from tests.contracts.encoder import EncoderContract
from tests.indexer.encoders.mert import tiny


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> MertEncoder:
    folder = tiny.checkpoint(tmp_path_factory.mktemp("mert"), tiny.PRE_NORM)
    options = MertOptions(device="cpu", context=read_context("chunked:3"))
    return MertEncoder(tiny.spec_of(tiny.PRE_NORM), folder, options)


class TestChunkedMertKeepsTheContract(EncoderContract):
    pass
