"""MERT through the encoder's door: the contract, its spaces, and clips that half precision cannot hold."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.audio.decode import PREPROCESSING
from indexer.encoders.base import Batching, InRows
from indexer.encoders.mert.batches import read_context
from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.encoder import MertEncoder, MertOptions, space_of
from indexer.encoders.mert.known_answers import ANSWERS_FILE
from indexer.encoders.mert.models import MERT_V1_95M, MERT_V1_330M, MertSpec
from indexer.encoders.mert.random_checkpoint import random_tensors
from recommender.errors import BadInput, KnownAnswerWrong, WeightsRefused
from recommender.types import Use
from tests.contracts.encoder import EncoderContract
from tests.indexer.encoders.mert import tiny

CPU = MertOptions(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("mert"), tiny.POST_NORM)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> MertEncoder:
    return MertEncoder(tiny.spec_of(tiny.POST_NORM), folder, CPU)


class TestMertKeepsTheContract(EncoderContract):
    pass


def test_an_embedding_is_the_mean_of_the_states_transformers_computes(encoder: MertEncoder) -> None:
    pytest.importorskip("transformers", reason="the mert extra is not installed")
    clip = tiny.sound(130_000)
    states = tiny.reference_states(tiny.reference_model(tiny.POST_NORM), clip)
    wanted = torch.cat(states).double().mean(1)
    assert tiny.difference(torch.from_numpy(encoder.encode([clip])[0]), wanted) < 1e-5


def test_minus_forty_decibels_embed_as_zero_decibels(encoder: MertEncoder) -> None:
    clip = tiny.sound(120_000)
    loud, quiet = encoder.encode([clip, (0.01 * clip).astype(np.float32)])
    assert np.linalg.norm(loud - quiet) < 1e-5 * np.linalg.norm(loud)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (np.zeros(120_000, dtype=np.float32), "silent"),
        (np.full(120_000, 0.3, dtype=np.float32), "silent"),
        (tiny.sound(399), "too_short"),
        (np.append(tiny.sound(9_000), np.float32("nan")), "non_finite"),
    ],
    ids=["silence", "offset", "short", "nan"],
)
def test_what_cannot_be_heard_is_refused_with_its_reason(encoder: MertEncoder, clip: np.ndarray, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        encoder.encode([tiny.sound(9_000), clip])
    assert refused.value.reason == reason


def test_the_space_names_weights_context_precision_and_normalisation(encoder: MertEncoder) -> None:
    space = encoder.space
    digest = next(iter(space.revision.split("weights-")[1:])).split("+")[0]
    assert len(bytes.fromhex(digest)) == 32
    assert space.revision.endswith("+full+fp32")
    assert space.preprocessing == f"{PREPROCESSING}:zero-mean-unit-variance"
    assert space.layer_names == ("0", "1", "2", "3")


def test_other_weights_another_context_or_precision_are_another_space() -> None:
    spec, chunked = MERT_V1_95M, read_context("chunked:10")
    spaces = [
        space_of(spec, "ab" * 32, precision=Precision.FP32),
        space_of(spec, "cd" * 32, precision=Precision.FP32),
        space_of(spec, "ab" * 32, precision=Precision.FP16),
        space_of(spec, "ab" * 32, precision=Precision.FP32, context=chunked),
        space_of(spec, "ab" * 32, precision=Precision.FP32, context=read_context("chunked:5")),
        space_of(MERT_V1_330M, "ab" * 32, precision=Precision.FP32),
    ]
    assert len({space.fingerprint for space in spaces}) == len(spaces)
    assert [space.name for space in spaces[2:5]] == ["mert-v1-95m", "mert-v1-95m-chunked-10", "mert-v1-95m-chunked-5"]


@pytest.mark.parametrize(("spec", "layers", "dim"), [(MERT_V1_95M, 13, 768), (MERT_V1_330M, 25, 1024)])
def test_artists_are_compared_by_layer_eleven(spec: MertSpec, layers: int, dim: int) -> None:
    space = space_of(spec, "ab" * 32, precision=Precision.FP32)
    assert (len(space.layers), space.dim, space.sample_rate_hz) == (layers, dim, 24_000)
    assert space.default_mix == {"11": 1.0}


def test_the_weights_are_not_for_commercial_use(encoder: MertEncoder) -> None:
    assert Use.COMMERCIAL not in encoder.licence.allows
    assert Use.NONCOMMERCIAL in encoder.licence.allows


def test_chunks_are_heard_each_as_a_clip_of_its_own_and_averaged(folder: Path, encoder: MertEncoder) -> None:
    options = MertOptions(device="cpu", context=read_context("chunked:2"))
    chunked = MertEncoder(tiny.spec_of(tiny.POST_NORM), folder, options)
    clip = tiny.sound(5 * 24_000)
    by_hand = encoder.encode([clip[:48_000], clip[48_000:96_000], clip[96_000:]]).mean(0)
    np.testing.assert_allclose(chunked.encode([clip])[0], by_hand, rtol=1e-5, atol=1e-6)
    assert not np.allclose(chunked.encode([clip]), encoder.encode([clip]), rtol=1e-3)


def test_a_clip_that_overflows_half_precision_is_computed_again_in_float32(tmp_path: Path) -> None:
    name = "encoder__layers__0__feed_forward__intermediate_dense__weight"
    huge = 40_000 * random_tensors(tiny.POST_NORM, seed=1)[name.replace("__", ".")]
    folder = tiny.checkpoint(tmp_path, tiny.POST_NORM, **{name: huge})
    spec, clips = tiny.spec_of(tiny.POST_NORM), [tiny.sound(9_000), tiny.sound(30_000, seed=1)]
    half = MertEncoder(spec, folder, MertOptions(device="cpu", precision="fp16")).encode(clips)
    exact = MertEncoder(spec, folder, CPU).encode(clips)
    alone = tiny.network(folder, tiny.POST_NORM, precision=Precision.FP16).means(*tiny.batch(clips))
    assert not torch.isfinite(alone).all(dim=(1, 2)).any()
    np.testing.assert_array_equal(half, exact)


def test_a_changed_answer_to_the_test_signal_stops_the_encoder(tmp_path: Path) -> None:
    folder, spec = tiny.checkpoint(tmp_path, tiny.POST_NORM), tiny.spec_of(tiny.POST_NORM)
    MertEncoder(spec, folder, CPU)
    MertEncoder(spec, folder, MertOptions(device="cpu", precision="fp16"))
    record = json.loads((folder / ANSWERS_FILE).read_text(encoding="utf-8"))
    ((digest, rows),) = record.items()
    rows[3][7] += 0.1
    (folder / ANSWERS_FILE).write_text(json.dumps({digest: rows}), encoding="utf-8")
    with pytest.raises(KnownAnswerWrong, match="layer 3"):
        MertEncoder(spec, folder, CPU)


def test_a_checkpoint_of_another_model_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsRefused, match="is not of mert-v1-95m: hidden_size is 48, not 768"):
        MertEncoder(MERT_V1_95M, folder, CPU)


def test_only_the_pinned_weights_are_loaded(folder: Path) -> None:
    with pytest.raises(WeightsRefused, match="that is pinned"):
        MertEncoder(tiny.spec_of(tiny.POST_NORM), folder, MertOptions(device="cpu", sha256="0" * 64))


def test_a_cpu_is_handed_a_few_clips_at_once_each_a_pass_of_its_own(encoder: MertEncoder) -> None:
    assert isinstance(encoder, Batching)
    assert isinstance(encoder, InRows)
    assert (encoder.rows, encoder.batch) == (1, 8)


def test_the_seconds_that_the_device_was_busy_are_counted(encoder: MertEncoder) -> None:
    before, started = encoder.busy_s, time.perf_counter()
    encoder.encode([tiny.sound(240_000), tiny.sound(240_000, seed=1)])
    took = time.perf_counter() - started
    assert 0.0 < encoder.busy_s - before <= took
