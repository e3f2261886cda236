"""What is written down sounds at the right moment and the right pitch."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.demo.synth.instruments import Tone
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import (
    MAJOR,
    MINOR,
    Hit,
    Note,
    Session,
    breakdown,
    chord,
    degree,
    duck,
    lay,
    loosen,
    pattern,
    pitch_hz,
    play,
)


def _session(*, seconds: float = 4.0, bpm: float = 120.0) -> Session:
    choice, noise = np.random.default_rng(1), np.random.default_rng(2)
    return Session(bpm=bpm, root=36, seconds=seconds, rate=1000, choice=choice, noise=noise)


def test_a_is_440_hz_and_an_octave_doubles() -> None:
    assert pitch_hz(69) == 440.0
    assert pitch_hz(81) == pytest.approx(880.0)
    assert pitch_hz(60) == pytest.approx(261.626, abs=0.001)


def test_chords_are_stacked_thirds_of_the_scale() -> None:
    assert chord(60, MAJOR, 0) == (60, 64, 67)
    assert chord(60, MAJOR, 4, voices=4) == (67, 71, 74, 77)
    assert chord(57, MINOR, 0) == (57, 60, 64)


def test_scale_steps_go_on_in_the_next_octave_and_below() -> None:
    assert [degree(60, MAJOR, step) for step in (-7, -1, 0, 6, 7)] == [48, 59, 60, 71, 72]


def test_a_pattern_of_sixteen_steps_is_sixteenths_of_the_bars_asked_for() -> None:
    hits = pattern("X--- ---- --x- ---o", [0, 2])
    assert [(hit.beat, hit.velocity) for hit in hits] == [
        (0.0, 1.0),
        (2.5, 0.7),
        (3.75, 0.4),
        (8.0, 1.0),
        (10.5, 0.7),
        (11.75, 0.4),
    ]


def test_swing_delays_every_second_step_only() -> None:
    assert [hit.beat for hit in pattern("xxxx", [0], swing=0.25)] == [0.0, 1.25, 2.0, 3.25]


def test_a_mark_that_means_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        pattern("x-?-", [0])


def test_a_hit_lands_on_its_sample_and_the_end_is_cut() -> None:
    mix = lay(_session(), [Hit(beat=1.0, velocity=0.5), Hit(beat=7.999)], np.ones(3))
    assert len(mix) == 4000
    assert np.flatnonzero(mix).tolist() == [500, 501, 502]
    assert mix[500] == 0.5


def test_a_note_reaches_the_instrument_in_hertz_and_seconds() -> None:
    asked: list[tuple[float, float]] = []

    def player(tone: Tone) -> Sound:
        asked.append((tone.hz, tone.seconds))
        return np.ones(tone.samples)

    notes = [Note(beat=beat, length=0.5, pitch=69, velocity=0.5) for beat in (0.0, 2.0)]
    mix = play(_session(), notes, player)
    assert asked == [(440.0, 0.25)]
    assert mix.sum() == pytest.approx(2 * 250 * 0.5)
    assert mix[1000] == 0.5


def test_ducking_lowers_the_sound_at_the_hit_and_lets_it_return() -> None:
    session = _session()
    ducked = duck(session, np.ones(session.samples), [Hit(beat=2.0)])
    assert ducked[999] == 1.0
    assert ducked[1000] == pytest.approx(0.25)
    assert ducked[1000 + 240] == pytest.approx(1 - 0.75 * np.exp(-3), abs=1e-6)
    assert ducked[1400] == 1.0


def test_loosened_hits_are_late_and_softer_but_never_far() -> None:
    strict = pattern("XXXX XXXX XXXX XXXX", range(4))
    played = loosen(_session(), strict)
    late = np.array([after.beat - before.beat for before, after in zip(strict, played, strict=True)])
    assert late.min() >= 0
    assert late.max() <= 0.01
    assert late.std() > 0
    assert all(0.75 <= hit.velocity <= 1.0 for hit in played)


def test_a_breakdown_is_two_bars_in_the_middle_of_a_long_clip_and_nothing_in_a_short_one() -> None:
    rests = sorted(breakdown(_session(seconds=30.0)))
    assert len(rests) == 2
    assert rests[1] == rests[0] + 1
    assert 5 <= rests[0] < 10
    assert breakdown(_session(seconds=8.0)) == frozenset()
