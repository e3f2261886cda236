"""How the constants of ``descriptors`` are estimated, and the audio they are estimated from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.fit_descriptors import FIRST_SEED, NORMAL_SHRINKAGE, describe, fit, outliers, robust
from benchmarks.fit_material import example_clip, generated_clip
from indexer.encoders.descriptors.encoder import CONSTANTS_PATH


def test_the_correction_is_the_winsorised_std_of_a_normal_distribution() -> None:
    edge = norm.ppf(0.95)
    variance = norm.expect(lambda value: np.clip(value, -edge, edge) ** 2)
    assert pytest.approx(np.sqrt(variance), abs=1e-3) == NORMAL_SHRINKAGE


def test_mean_and_std_of_a_normal_sample_are_found() -> None:
    mean, std = robust(np.random.default_rng(1).normal(10, 3, size=20_000))
    assert mean == pytest.approx(10, abs=0.1)
    assert std == pytest.approx(3, rel=0.03)


def test_one_wild_value_moves_nothing() -> None:
    values = np.random.default_rng(2).normal(size=500)
    wild = np.append(values, 1e9)
    assert robust(wild) == pytest.approx(robust(values), abs=0.05)


def test_a_descriptor_that_never_varies_still_has_a_scale() -> None:
    assert robust(np.full(50, 7.0)) == (7.0, 1e-4)


def test_generated_audio_is_the_same_for_a_seed_and_another_for_another() -> None:
    one, again, other = (generated_clip(seed, seconds=2.0, sample_rate_hz=22_050) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("seed", range(12))
def test_generated_audio_is_finite_and_fills_its_range(seed: int) -> None:
    clip = generated_clip(seed, seconds=2.0, sample_rate_hz=22_050)
    assert clip.shape == (44_100,)
    assert clip.dtype == np.float32
    assert np.abs(clip).max() == pytest.approx(0.9, abs=1e-3)


def test_constants_fitted_to_some_clips_leave_them_few_outliers() -> None:
    described = describe(generated_clip(seed, seconds=5.0, sample_rate_hz=22_050) for seed in range(12))
    for layer, beyond, typical, _, worst in outliers(described, fit(described)):
        assert beyond < 0.05, layer
        assert typical < 0.5
        assert len(worst) == 3


def test_the_committed_constants_say_that_no_recording_was_used() -> None:
    made_by = json.loads(CONSTANTS_PATH.read_text(encoding="utf-8"))["made_by"]
    assert made_by["licence"] == "own: no recording was used"
    assert str(FIRST_SEED) in made_by["material"]


def test_the_example_needs_no_random_numbers_and_stays_in_range() -> None:
    clip = example_clip(22_050)
    assert clip.size == 6 * 22_050
    assert np.abs(clip).max() < 0.5
