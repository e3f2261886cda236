"""The encoder that other tests use in place of a real one keeps the same contract."""

from __future__ import annotations

import pytest

from indexer.encoders.base import Encoder
from tests.contracts.encoder import EncoderContract
from tests.fakes import BandEncoder


class TestBandEncoder(EncoderContract):
    """The fake of tests/fakes.py."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        return BandEncoder()
