"""A batch that fails is tried again in halves: one bad clip costs few calls and no other clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from indexer.encoders.encode_batch import encode_each
from recommender.errors import BadInput, EncoderEnded, EncoderLost, KnownAnswerWrong, WeightsRefused
from recommender.types import ClipEmbeddings, Waveform
from tests.fakes import BandEncoder


class Picky(BandEncoder):
    """Raises ``error`` for every batch with a clip whose first sample is in ``bad``, or longer than ``most`` clips."""

    def __init__(self, error: Exception, *, bad: Sequence[int] = (), most: int = 1000) -> None:
        super().__init__()
        self._error = error
        self._bad = bad
        self._most = most
        self.sizes: list[int] = []

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        self.sizes.append(len(clips))
        if len(clips) > self._most or any(int(clip[0]) in self._bad for clip in clips):
            raise self._error
        return super().encode(clips)


def clips(count: int) -> list[Waveform]:
    """Noise; the first sample is the clip's number."""
    made = [np.random.default_rng(number).standard_normal(4000).astype(np.float32) for number in range(count)]
    for number, clip in enumerate(made):
        clip[0] = number
    return made


def test_one_bad_clip_in_eight_costs_six_calls_more_and_no_neighbour() -> None:
    encoder = Picky(RuntimeError("poison"), bad=[5])
    results = encode_each(encoder, clips(8))
    assert encoder.sizes == [8, 4, 4, 2, 1, 1, 2]
    assert [isinstance(one, BadInput) for one in results] == [number == 5 for number in range(8)]
    whole = BandEncoder().encode(clips(8))
    for number in {0, 1, 2, 3, 4, 6, 7}:
        np.testing.assert_array_equal(results[number], whole[number])


def test_a_device_that_holds_two_clips_gets_two_at_a_time_and_nobody_is_marked() -> None:
    encoder = Picky(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), most=2)
    results = encode_each(encoder, clips(8))
    assert encoder.sizes == [8, 4, 2, 2, 4, 2, 2]
    assert not any(isinstance(one, BadInput) for one in results)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_a_clip_that_does_not_fit_alone_is_marked_as_too_large_for_memory(error: Exception) -> None:
    encoder = Picky(error, bad=[0])
    refused, *others = encode_each(encoder, clips(3))
    assert isinstance(refused, BadInput)
    assert refused.reason == "encoder_memory"
    assert refused.__cause__ is None
    assert encoder.sizes == [3, 2, 1, 1, 1]
    assert not any(isinstance(one, BadInput) for one in others)


def test_what_nobody_explains_is_the_cause_of_the_reason() -> None:
    error = RuntimeError("poison")
    (refused,) = encode_each(Picky(error, bad=[0]), clips(1))
    assert isinstance(refused, BadInput)
    assert (refused.reason, refused.detail) == ("encoder_failed", "RuntimeError: poison")
    assert refused.__cause__ is error


def test_a_reason_of_the_encoder_stands() -> None:
    (refused,) = encode_each(Picky(BadInput("too_short", "a frame needs more"), bad=[0]), clips(1))
    assert isinstance(refused, BadInput)
    assert (refused.reason, refused.detail) == ("too_short", "a frame needs more")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_vector_that_is_not_finite_or_all_zero_is_no_embedding(value: float) -> None:
    class Broken(BandEncoder):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            vectors = super().encode(clips)
            vectors[1, 1] = value
            return vectors

    results = encode_each(Broken(), clips(3))
    assert [one.reason if isinstance(one, BadInput) else None for one in results] == [None, "bad_embedding", None]


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RuntimeError("CUDA error: an illegal memory access was encountered"), EncoderLost),
        (EncoderLost("its process on cuda:1 did not come up"), EncoderLost),
        (KnownAnswerWrong("mert", "3", 0.5), KnownAnswerWrong),
        (WeightsRefused("model.safetensors", "is no safetensors file"), WeightsRefused),
    ],
)
def test_what_every_clip_would_meet_is_held_against_none(error: Exception, raised: type[Exception], count: int) -> None:
    encoder = Picky(error, bad=[0])
    with pytest.raises(raised):
        encode_each(encoder, clips(count))
    assert encoder.sizes == [count]


def test_a_clip_that_costs_encoder_processes_their_lives_is_marked() -> None:
    encoder = Picky(EncoderEnded("cuda:0", "was lost 2 times over the same 1 clips"), bad=[1])
    results = encode_each(encoder, clips(4))
    assert [one.reason if isinstance(one, BadInput) else None for one in results] == [
        None,
        "encoder_failed",
        None,
        None,
    ]


def test_an_encoder_that_loses_a_clip_ends_the_run() -> None:
    class Short(BandEncoder):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            return super().encode(clips)[1:]

    with pytest.raises(ValueError, match="2 embeddings for 3 clips"):
        encode_each(Short(), clips(3))


def test_nothing_is_asked_of_the_encoder_for_no_clip() -> None:
    encoder = Picky(RuntimeError())
    assert encode_each(encoder, []) == []
    assert encoder.sizes == []
