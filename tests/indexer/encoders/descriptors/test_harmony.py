"""Pitch and harmony on chords whose notes are known."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.descriptors.clip_analysis import Descriptors, analyse
from indexer.encoders.descriptors.harmony import (
    MAJOR_KEY,
    Peaks,
    bass,
    chroma,
    find_peaks,
    harmony,
    interval_content,
    key_correlations,
    tuning,
)
from recommender.types import Waveform
from tests.indexer.encoders.descriptors import sounds

C_MAJOR = ((60, 64, 67),)
CADENCE = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))


def heard(clip: Waveform) -> Descriptors:
    return harmony(analyse(clip))


def test_a_tone_is_found_at_its_own_pitch_within_three_cents() -> None:
    peaks = find_peaks(analyse(sounds.sine(443.7)))
    strongest = peaks.pitch[peaks.weight > 0.5 * peaks.weight.max()]
    assert strongest == pytest.approx(np.full(strongest.size, 69 + 12 * np.log2(443.7 / 440)), abs=0.03)


@pytest.mark.parametrize("cents", [-30, 0, 20, 45])
def test_tuning_is_the_distance_from_the_tempered_scale(cents: int) -> None:
    tuned = tuning(find_peaks(analyse(sounds.sine(440 * 2 ** (cents / 1200)))))
    assert np.angle(tuned) / (2 * np.pi) == pytest.approx(cents / 100, abs=0.03)
    assert abs(tuned) > 0.9


def test_a_chord_fills_its_own_pitch_classes_whatever_the_tuning() -> None:
    for up in (0.0, 0.4):
        sound = analyse(sounds.chords(C_MAJOR, up=up))
        profile = chroma(find_peaks(sound), frames=sound.active.size).mean(axis=0)
        assert set(np.argsort(profile)[-3:]) == {0, 4, 7}
        assert profile[[0, 4, 7]].sum() > 0.8


def test_every_segment_of_chroma_sums_to_one() -> None:
    sound = analyse(sounds.noise())
    rows = chroma(find_peaks(sound), frames=sound.active.size)
    assert rows.shape[1] == 12
    assert rows.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_without_any_peak_chroma_is_one_even_row_and_nothing_is_tuned() -> None:
    nothing = Peaks(frame=np.array([], dtype=np.int64), pitch=np.array([]), weight=np.array([]))
    np.testing.assert_array_equal(chroma(nothing, frames=100), np.full((1, 12), 1 / 12))
    assert tuning(nothing) == 0


def test_bass_peaks_are_those_under_middle_c() -> None:
    peaks = Peaks(frame=np.array([0, 0]), pitch=np.array([48.0, 64.0]), weight=np.array([1.0, 2.0]))
    np.testing.assert_array_equal(bass(peaks).pitch, [48.0])


def test_interval_content_by_hand() -> None:
    single, even = np.eye(12)[5], np.full(12, 1 / 12)
    augmented, whole_tone = np.zeros(12), np.zeros(12)
    augmented[[0, 4, 8]] = 1 / 3
    whole_tone[::2] = 1 / 6
    assert interval_content(single) == pytest.approx(np.ones(6))
    assert interval_content(even) == pytest.approx(np.zeros(6))
    assert interval_content(augmented) == pytest.approx([0, 0, 1, 0, 0, 1])
    assert interval_content(whole_tone) == pytest.approx([0, 0, 0, 0, 0, 1])


def test_the_profile_of_a_key_correlates_fully_with_that_key_alone() -> None:
    correlations = key_correlations(np.roll(MAJOR_KEY, 7) / np.sum(MAJOR_KEY))
    assert correlations[0, 7] == pytest.approx(1.0)
    assert np.delete(correlations.ravel(), 7).max() < 0.9
    assert (key_correlations(np.full(12, 1 / 12)) == 0).all()


def test_transposing_moves_no_descriptor_by_much() -> None:
    here, there = heard(sounds.chords(CADENCE)), heard(sounds.chords(CADENCE, up=5))
    for name in here:
        if name.startswith(("interval", "key", "entropy_whole", "change")):
            assert there[name] == pytest.approx(here[name], abs=0.08), name


def test_major_and_minor_cadences_fall_on_either_side() -> None:
    minor = ((57, 60, 64), (62, 65, 69), (64, 67, 71), (57, 60, 64))
    assert heard(sounds.chords(CADENCE))["major_not_minor"] > 0
    assert heard(sounds.chords(minor))["major_not_minor"] < 0


def test_a_chord_is_clearer_and_emptier_than_noise() -> None:
    chord, hiss = heard(sounds.chords(C_MAJOR)), heard(sounds.noise())
    assert chord["entropy_chord"] < 0.7 < 0.9 < hiss["entropy_chord"]
    assert chord["key_clarity"] > hiss["key_clarity"]
    assert chord["in_tune"] > 0.9 > 0.3 > hiss["in_tune"]


def test_a_held_chord_never_changes_and_a_faster_loop_changes_more() -> None:
    held = heard(sounds.chords(C_MAJOR))
    slow, fast = (heard(sounds.chords(((60, 64, 67), (61, 65, 68)), each_s=each_s)) for each_s in (2.0, 0.75))
    assert held["change_1"] < 0.01
    assert held["change_1"] < slow["change_1"] < fast["change_1"]
    assert held["tonnetz_step_mean"] < slow["tonnetz_step_mean"] < fast["tonnetz_step_mean"]
