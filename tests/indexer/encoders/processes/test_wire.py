"""Messages between encoder processes and their parent arrive as they were sent."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from indexer.encoders.base import is_lost
from indexer.encoders.processes.wire import Embedded, Ready, Request, clip_views, error_to_bytes, put_clips
from indexer.processes.message_frames import ReceivedMessage
from indexer.processes.shared_memory import SharedMemory, make_growing_memory
from recommender.errors import (
    BadInput,
    InvalidArgument,
    KnownAnswerWrong,
    SoundkinError,
    WeightsMissing,
    WeightsRefused,
)
from tests.indexer.encoders.processes.recipes import Obedient


def test_a_request_and_what_an_encoder_is_arrive_whole() -> None:
    request = Request(offset=7, lengths=(3, 720_000), size=4096)
    assert Request.from_bytes(request.to_bytes()) == request
    ready = Ready(space=Obedient.space, licence="ISC", rows=4, batch=16)
    assert Ready.from_bytes(ready.to_bytes()) == ready


def received(message: bytes | tuple[bytes, memoryview]) -> ReceivedMessage:
    head, body = message if isinstance(message, tuple) else (message, memoryview(b""))
    return ReceivedMessage(head=bytearray(head), body=bytearray(body))


def read_ready(message: bytes) -> None:
    Ready.from_bytes(message)


def read_embedded(message: bytes) -> None:
    Embedded.from_message(received(message))


def test_vectors_arrive_to_the_bit_and_can_be_written_to() -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 3, 5)).astype(np.float32)
    arrived = Embedded.from_message(received(Embedded(embeddings=vectors, rows=2).to_message()))
    assert (arrived.embeddings.tobytes(), arrived.embeddings.shape, arrived.rows) == (vectors.tobytes(), (2, 3, 5), 2)
    arrived.embeddings[0] = 0


def test_the_answer_to_no_clips_can_be_written() -> None:
    vectors = np.zeros((0, 3, 5), dtype=np.float32)
    arrived = Embedded.from_message(received(Embedded(embeddings=vectors, rows=2).to_message()))
    assert arrived.embeddings.shape == (0, 3, 5)


def test_an_answer_is_expected_to_have_a_vector_for_each_clip_and_layer() -> None:
    ready = Ready(space=Obedient.space, licence="ISC", rows=4, batch=16)
    assert ready.answer_bounds(5).body_bytes == np.zeros((5, 1, 3), dtype=np.float32).nbytes


def test_clips_are_seen_on_the_other_side_where_they_were_put() -> None:
    ours = make_growing_memory()
    theirs = SharedMemory(os.dup(ours.descriptor))
    ours.reserve(9 * 4)
    put_clips(ours, [np.full(2, 1.5, dtype=np.float32), np.full(3, 2.5, dtype=np.float32)], offset=4)
    theirs.map(ours.size)
    assert [clip.tolist() for clip in clip_views(theirs, [2, 3], offset=4)] == [[1.5, 1.5], [2.5, 2.5, 2.5]]
    assert clip_views(theirs, [4], offset=0)[0].tolist() == [0, 0, 0, 0]
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "error",
    [
        BadInput("silent", "every sample is \u00e9qual"),
        InvalidArgument("precision", "bf16"),
        KnownAnswerWrong("mert", "3", 0.25),
        WeightsMissing("mert", "/w", "fetch them"),
        WeightsRefused("/w", "missing tensor: a"),
    ],
)
@pytest.mark.parametrize("read", [read_ready, read_embedded])
def test_an_error_of_ours_arrives_as_what_it_was(read: Callable[[bytes], None], error: SoundkinError) -> None:
    with pytest.raises(type(error)) as caught:
        read(error_to_bytes(error))
    assert (vars(caught.value), str(caught.value)) == (vars(error), str(error))


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), RuntimeError("CUDA error: out of memory"), RuntimeError("can't allocate memory")]
)
def test_memory_that_ended_arrives_as_that_and_costs_no_process(error: Exception) -> None:
    with pytest.raises(MemoryError, match=str(error)):
        read_embedded(error_to_bytes(error))
    assert not is_lost(error)


def test_any_other_error_arrives_by_its_words_and_only_cudas_own_mean_that_the_device_is_gone() -> None:
    with pytest.raises(RuntimeError, match=r"IndexError: 7 of 3"):
        read_embedded(error_to_bytes(IndexError("7 of 3")))
    assert is_lost(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_lost(RuntimeError("shapes do not match"))
