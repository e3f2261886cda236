"""Ambient: slow chords that overlap, moving noise, a bell now and then, no drums, and a very large room."""

from __future__ import annotations

from functools import partial

import numpy as np

from indexer.demo.synth import instruments
from indexer.demo.synth.effects import lowpass, morph, reverberate
from indexer.demo.synth.oscillators import Sound, sine, white_noise
from indexer.demo.synth.score import DORIAN, Note, Session, chord, degree, play
from indexer.demo.synth.styles.base import Style

_PROGRESSIONS = ((0, 4, 2, 3), (0, 3, 0, 6), (0, 2, 6, 4), (0, 5, 3, 5))


def _chords(session: Session) -> Sound:
    """A chord every two bars, each held into the next."""
    steps = session.pick(_PROGRESSIONS)
    notes: list[Note] = []
    for bar in session.bars[::2]:
        step = steps[bar // 2 % 4]
        pitches = (degree(session.root, DORIAN, step), *chord(session.root + 24, DORIAN, step, voices=4))
        notes += [Note(beat=4.0 * bar, length=11.0, pitch=pitch) for pitch in pitches]
    return play(session, notes, partial(instruments.pad, cutoff_hz=session.between(500, 1400), attack_s=2.5))


def _air(session: Session) -> Sound:
    """Noise whose colour moves as slowly as breath."""
    noise = white_noise(session.samples, session.noise)
    amount = 0.5 + 0.5 * sine(session.between(0.05, 0.15), session.samples, rate=session.rate)
    return morph(lowpass(noise, 400.0, rate=session.rate), lowpass(noise, 2200.0, rate=session.rate), amount)


def _bells(session: Session) -> Sound:
    """About one bell a bar, high on the scale, at no particular moment."""
    count = len(session.bars)
    beats = np.sort(session.choice.uniform(0, 4 * count, size=count))
    steps = session.choice.integers(0, 9, size=count)
    notes = [
        Note(beat=float(beat), length=5.0, pitch=degree(session.root + 36, DORIAN, int(step)), velocity=0.6)
        for beat, step in zip(beats, steps, strict=True)
    ]
    return play(session, notes, partial(instruments.electric_piano, bite=session.between(0.2, 0.9)))


def compose(session: Session) -> Sound:
    """Chords, air and bells, most of it reverberated."""
    dry = 0.3 * _chords(session) + session.between(0.03, 0.08) * _air(session) + 0.15 * _bells(session)
    wet = reverberate(dry, session.between(3.5, 6.0), source=session.noise, rate=session.rate)
    return 0.4 * dry + 0.5 * wet


STYLE = Style(name="ambient", tempo_bpm=(58.0, 76.0), roots=(33, 42), loudness=0.09, compose=compose)
