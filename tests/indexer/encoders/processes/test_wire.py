"""What encoder processes and their parent tell each other arrives as it was told."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.device_errors import is_lost
from indexer.encoders.processes.wire import Embedded, Ready, Request, error_to_bytes
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


def test_vectors_arrive_to_the_bit_and_can_be_written_to() -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 3, 5)).astype(np.float32)
    vectors[0, 0, 0] = np.frombuffer(b"\n\n\n\n", dtype=np.float32)[0]  # as the byte that ends the line of JSON
    found = Embedded.from_bytes(Embedded(embeddings=vectors, rows=2).to_bytes())
    assert (found.embeddings.tobytes(), found.embeddings.shape, found.rows) == (vectors.tobytes(), (2, 3, 5), 2)
    found.embeddings[0] = 0


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
@pytest.mark.parametrize("kind", [Ready, Embedded])
def test_an_error_of_ours_arrives_as_what_it_was(kind: type[Ready | Embedded], error: SoundkinError) -> None:
    with pytest.raises(type(error)) as caught:
        kind.from_bytes(error_to_bytes(error))
    assert (vars(caught.value), str(caught.value)) == (vars(error), str(error))


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), RuntimeError("CUDA error: out of memory"), RuntimeError("can't allocate memory")]
)
def test_memory_that_ended_arrives_as_that_and_costs_no_process(error: Exception) -> None:
    with pytest.raises(MemoryError, match=str(error)):
        Embedded.from_bytes(error_to_bytes(error))
    assert not is_lost(error)


def test_any_other_error_arrives_by_its_words_and_only_cudas_own_mean_that_the_device_is_gone() -> None:
    with pytest.raises(RuntimeError, match=r"IndexError: 7 of 3"):
        Embedded.from_bytes(error_to_bytes(IndexError("7 of 3")))
    assert is_lost(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_lost(RuntimeError("shapes do not match"))
