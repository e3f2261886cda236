"""The encoder ``descriptors``: the contract, its constants, and that likeness it reports is likeness."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.fit_material import example_clip
from indexer.audio.decode import PREPROCESSING
from indexer.demo.synth import STYLES, render
from indexer.encoders.base import Encoder
from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ
from indexer.encoders.descriptors.encoder import (
    CONSTANTS_PATH,
    DIM,
    LAYERS,
    LIMIT,
    DescriptorEncoder,
    descriptor_values,
    load_constants,
    space_for,
    standardise,
)
from indexer.encoders.registry import load_encoder
from recommender.errors import BadInput
from tests.contracts.encoder import EncoderContract, cosines
from tests.indexer.encoders.descriptors import sounds


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("descriptors")


class TestDescriptors(EncoderContract):
    """Held to what every encoder keeps."""

    @pytest.fixture
    def encoder(self, request: pytest.FixtureRequest) -> Encoder:
        return DescriptorEncoder()


def test_layers_are_named_by_what_they_hear(encoder: Encoder) -> None:
    assert encoder.space.layer_names == ("timbre", "harmony", "rhythm", "spectral_shape", "dynamics")
    assert encoder.space.sample_rate_hz == 22_050
    assert encoder.space.preprocessing == PREPROCESSING


def test_all_layers_count_alike_unless_asked_otherwise(encoder: Encoder) -> None:
    assert encoder.space.default_mix == dict.fromkeys(encoder.space.layer_names, 0.2)


def test_other_constants_are_another_space() -> None:
    constants = {layer: dict(values) for layer, values in load_constants().items()}
    before = space_for(constants)
    mean, std = constants["rhythm"]["tempo"]
    constants["rhythm"]["tempo"] = [mean, std * 1.001]
    assert space_for(constants).fingerprint != before.fingerprint


def test_the_revision_holds_the_checksum_of_the_constants(encoder: Encoder) -> None:
    layers = json.loads(CONSTANTS_PATH.read_text(encoding="utf-8"))["layers"]
    digest = hashlib.sha256(json.dumps(layers).encode()).hexdigest()
    assert encoder.space.revision.split("+")[1] == digest[:16]


def test_there_is_a_constant_for_every_descriptor_and_none_besides() -> None:
    described = descriptor_values(sounds.noise(seconds=5.0))
    constants = load_constants()
    assert list(constants) == list(described) == [layer.name for layer in LAYERS]
    for layer, values in described.items():
        assert list(constants[layer]) == list(values)
        assert len(values) <= DIM
        assert min(std for _, std in constants[layer].values()) > 0


def test_the_formulas_are_those_the_constants_were_made_with() -> None:
    """If this fails, raise FORMULAS in descriptors.py and run ``python -m benchmarks.fit_descriptors --write``."""
    expected = json.loads(CONSTANTS_PATH.read_text(encoding="utf-8"))["example"]
    constants = load_constants()
    for layer, values in descriptor_values(example_clip(SAMPLE_RATE_HZ)).items():
        for name, value in values.items():
            assert value == pytest.approx(expected[layer][name], abs=0.02 * constants[layer][name][1]), name


def test_standardising_is_straight_near_the_mean_and_flat_far_out() -> None:
    constants = {"a": (10.0, 2.0), "b": (0.0, 1.0), "c": (0.0, 1.0)}
    a, b, c = standardise({"c": -1e9, "a": 10.2, "b": 4.0}, constants)
    assert a == pytest.approx(0.1, rel=1e-3)
    assert b == pytest.approx(4 * np.tanh(1.0))
    assert c == -LIMIT


def test_dimensions_a_layer_does_not_use_are_zero(encoder: Encoder) -> None:
    embedding = encoder.encode([sounds.noise(seconds=5.0)])[0]
    for row, layer in enumerate(encoder.space.layer_names):
        used = len(load_constants()[layer])
        assert (embedding[row, :used] != 0).all()
        assert (embedding[row, used:] == 0).all()


@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("sine", sounds.sine(440.0)),
        ("white noise", sounds.noise()),
        ("one sample", np.eye(1, 5 * SAMPLE_RATE_HZ, 7000, dtype=np.float32)[0]),
        ("square", np.sign(sounds.sine(100.0)).astype(np.float32)),
        ("a burst in silence", np.pad(sounds.noise(seconds=0.1), (40_000, 100_000))),
        ("offset", (0.9 + 0.001 * sounds.noise()).astype(np.float32)),
        ("full scale alternating", np.resize(np.array([1, -1], dtype=np.float32), 5 * SAMPLE_RATE_HZ)),
        ("huge", (1e6 * sounds.noise()).astype(np.float32)),
        ("tiny", (1e-4 * sounds.noise()).astype(np.float32)),
    ],
)
def test_strange_but_legal_clips_get_a_finite_vector(encoder: Encoder, name: str, clip: np.ndarray) -> None:
    embedding = encoder.encode([clip])[0]
    assert np.isfinite(embedding).all(), name
    assert (np.abs(embedding) <= LIMIT).all()
    assert (np.linalg.norm(embedding, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (np.zeros(5 * SAMPLE_RATE_HZ, dtype=np.float32), "silent"),
        (np.full(5 * SAMPLE_RATE_HZ, 0.3, dtype=np.float32), "silent"),
        (np.full(5 * SAMPLE_RATE_HZ, np.nan, dtype=np.float32), "non_finite"),
        (np.zeros(0, dtype=np.float32), "too_short"),
    ],
)
def test_a_clip_with_nothing_to_hear_is_refused_with_its_reason(
    encoder: Encoder, clip: np.ndarray, reason: str
) -> None:
    with pytest.raises(BadInput) as caught:
        encoder.encode([clip])
    assert caught.value.reason == reason


def test_forty_decibels_change_no_layer_by_a_thousandth(encoder: Encoder) -> None:
    clip = render("techno", seed=3, seconds=8.0, sample_rate_hz=SAMPLE_RATE_HZ)
    loud, quiet = encoder.encode([clip, (0.01 * clip).astype(np.float32)])
    np.testing.assert_allclose(quiet, loud, atol=4e-3)


def test_the_number_of_threads_changes_no_bit() -> None:
    code = (
        "import hashlib; from indexer.encoders.registry import load_encoder; from indexer.demo.synth import render; "
        "clip = render('folk', seed=1, seconds=30.0, sample_rate_hz=22050); "
        "print(hashlib.sha256(load_encoder('descriptors').encode([clip]).tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1


def test_a_constant_offset_changes_nothing(encoder: Encoder) -> None:
    clip = sounds.clicks(120)
    plain, moved = encoder.encode([clip, clip + np.float32(0.1)])
    assert cosines(plain, moved).min() > 0.999


def test_equal_tempo_is_nearer_in_rhythm_than_another_tempo(encoder: Encoder) -> None:
    slow, also_slow, fast, also_fast = encoder.encode(
        [sounds.clicks(bpm, seed=seed, first_s=0.1 + 0.07 * seed) for seed, bpm in enumerate((120, 120, 160, 160))]
    )
    rhythm = encoder.space.layer_names.index("rhythm")
    within = min(cosines(slow, also_slow)[rhythm], cosines(fast, also_fast)[rhythm])
    across = max(cosines(one, other)[rhythm] for one in (slow, also_slow) for other in (fast, also_fast))
    assert within > 0.95
    assert across < within - 0.05


def test_one_loop_of_chords_in_two_keys_is_one_harmony(encoder: Encoder) -> None:
    loop = ((60, 64, 67), (57, 60, 64), (65, 69, 72), (67, 71, 74))
    cluster = ((60, 61, 62), (66, 67, 68))
    here, there, other = encoder.encode([sounds.chords(loop), sounds.chords(loop, up=3), sounds.chords(cluster)])
    harmony = encoder.space.layer_names.index("harmony")
    assert cosines(here, there)[harmony] > 0.9
    assert cosines(here, other)[harmony] < cosines(here, there)[harmony] - 0.3


def test_the_nearest_synthetic_clip_is_mostly_of_the_same_style(encoder: Encoder) -> None:
    """Seeds of the demo, which no constant was made from; chance is 2 in 23."""
    styles = np.repeat(np.arange(len(STYLES)), 3)
    clips = [
        render(style, seed=seed, seconds=10.0, sample_rate_hz=SAMPLE_RATE_HZ) for style in STYLES for seed in (1, 2, 3)
    ]
    embeddings = encoder.encode(clips)
    unit = embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True)
    side_by_side = unit.reshape(len(clips), -1)
    similarity = side_by_side @ side_by_side.T - 100 * np.eye(len(clips))
    assert (styles[similarity.argmax(axis=1)] == styles).mean() >= 0.75


def test_the_space_is_to_the_letter_that_of_the_first_release() -> None:
    """Its texts are in every manifest, and the nightly run builds anew when any of them differs."""
    facts = json.dumps(load_encoder("descriptors").space.to_json(), sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()
    assert digest == "c9cc9d054212ddabb1abb23766ee8a78e376aba68adecd3d721d88639b048f05"
