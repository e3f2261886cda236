"""Contract tests of every encoder. Inherit the class and define the fixture ``encoder``."""

from __future__ import annotations

import json
import math

import numpy as np

from indexer.encoders.base import Encoder
from recommender.licences import find_licence
from recommender.types import Space, Waveform


def noisy_tune(encoder: Encoder, *, seed: int, seconds: float) -> Waveform:
    """A few notes over noise at the encoder's sample rate: input for any encoder."""
    random = np.random.default_rng(seed)
    rate = encoder.space.sample_rate_hz
    time_s = np.arange(round(seconds * rate)) / rate
    steps_hz = random.choice([220.0, 262.0, 330.0, 392.0, 440.0], size=math.ceil(seconds * 4))
    pitch_hz = steps_hz[np.minimum((time_s * 4).astype(int), steps_hz.size - 1)]
    tune = np.sin(2 * np.pi * np.cumsum(pitch_hz) / rate) * np.exp(-4 * (time_s % 0.25))
    return np.asarray(0.5 * tune + 0.05 * random.standard_normal(time_s.size), dtype=np.float32)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of each layer of two embeddings ``[layer, dim] -> [layer]``."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


class EncoderContract:
    """Needs a fixture ``encoder``. Clips have 5 s, the shortest that the decoder accepts, to 30 s."""

    def test_an_embedding_has_a_row_for_each_layer(self, encoder: Encoder) -> None:
        clips = [noisy_tune(encoder, seed=seed, seconds=5.0) for seed in (1, 2, 3)]
        embeddings = encoder.encode(clips)
        assert embeddings.shape == (3, len(encoder.space.layers), encoder.space.dim)
        assert embeddings.dtype == np.float32

    def test_no_clips_give_no_embeddings(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape[0] == 0

    def test_every_layer_is_finite_and_has_a_direction(self, encoder: Encoder) -> None:
        for seconds in (5.0, 7.3, 30.0):
            embedding = encoder.encode([noisy_tune(encoder, seed=4, seconds=seconds)])[0]
            assert np.isfinite(embedding).all()
            assert (np.linalg.norm(embedding, axis=1) > 0).all()

    def test_the_same_clip_gives_the_same_bits(self, encoder: Encoder) -> None:
        clip = noisy_tune(encoder, seed=5, seconds=6.0)
        np.testing.assert_array_equal(encoder.encode([clip]), encoder.encode([clip.copy()]))

    def test_other_clips_in_the_batch_change_no_bit(self, encoder: Encoder) -> None:
        clip = noisy_tune(encoder, seed=6, seconds=6.0)
        others = [noisy_tune(encoder, seed=seed, seconds=seconds) for seed, seconds in ((7, 5.0), (8, 9.1))]
        alone = encoder.encode([clip])[0]
        np.testing.assert_array_equal(encoder.encode([others[0], clip, others[1]])[1], alone)
        np.testing.assert_array_equal(encoder.encode([clip, clip])[1], alone)

    def test_where_a_clip_lies_in_memory_changes_no_bit(self, encoder: Encoder) -> None:
        clip = noisy_tune(encoder, seed=9, seconds=5.0)
        shifted = np.empty(clip.size + 1, dtype=np.float32)[1:]
        shifted[:] = clip
        shifted.setflags(write=False)
        np.testing.assert_array_equal(encoder.encode([shifted]), encoder.encode([clip]))

    def test_encoding_leaves_the_clip_as_it_was(self, encoder: Encoder) -> None:
        clip = noisy_tune(encoder, seed=10, seconds=5.0)
        before = clip.copy()
        encoder.encode([clip])
        np.testing.assert_array_equal(clip, before)

    def test_different_clips_get_different_embeddings(self, encoder: Encoder) -> None:
        one, other = encoder.encode([noisy_tune(encoder, seed=seed, seconds=5.0) for seed in (11, 12)])
        assert (one != other).any(axis=1).all()

    def test_the_level_of_the_recording_hardly_matters(self, encoder: Encoder) -> None:
        clip = noisy_tune(encoder, seed=13, seconds=6.0)
        loud, quiet = encoder.encode([clip, (0.01 * clip).astype(np.float32)])
        assert cosines(loud, quiet).min() > 0.999

    def test_the_space_is_complete_and_survives_json(self, encoder: Encoder) -> None:
        space = encoder.space
        assert space.name
        assert space.revision
        assert space.preprocessing
        assert space.dim > 0
        assert space.sample_rate_hz >= 8000
        assert Space.from_json(json.loads(json.dumps(space.to_json()))).fingerprint == space.fingerprint

    def test_layers_and_aspects_have_names_of_their_own(self, encoder: Encoder) -> None:
        layers = encoder.space.layer_names
        aspects = [aspect.name for aspect in encoder.space.aspects]
        assert layers
        assert len(set(layers)) == len(layers)
        assert len(set(aspects)) == len(aspects)

    def test_mixes_name_layers_of_the_space_and_sum_to_one(self, encoder: Encoder) -> None:
        mixes = [encoder.space.default_mix, *(aspect.layers for aspect in encoder.space.aspects)]
        for mix in mixes:
            assert set(mix) <= set(encoder.space.layer_names)
            assert min(mix.values()) > 0
            assert math.isclose(sum(mix.values()), 1.0)

    def test_every_aspect_says_what_it_is_and_why(self, encoder: Encoder) -> None:
        for aspect in encoder.space.aspects:
            assert aspect.description
            assert aspect.evidence

    def test_the_licence_is_the_one_the_space_names(self, encoder: Encoder) -> None:
        assert encoder.licence.name == encoder.space.licence
        assert encoder.licence == find_licence(encoder.space.licence)
