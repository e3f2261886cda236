"""Pop with a voice: four chords, a straight beat, and a sung lead made of formants."""

from __future__ import annotations

from functools import partial

import numpy as np

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import echo, reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import MAJOR, Note, Session, breakdown, chord, degree, lay, pattern, play
from indexer.demo.synth.styles.base import Style

_PROGRESSIONS = ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (3, 4, 0, 5))
_KICKS = ("X--- --x- X--- ----", "X--- ---- X-x- ----", "X--x --X- --X- ----", "X--- X--- X--- X---")
_KEYS = ("X-x- X-x- X-x- X-x-", "X--X --X- X--X --X-", "X--- X--- X--- X---")
_RHYTHMS = ((0.0, 0.5, 1.0, 2.0, 2.5), (0.5, 1.0, 1.5, 2.5, 3.0), (0.0, 1.0, 1.5, 2.0, 3.0), (0.0, 0.75, 1.5, 2.0, 3.0))
_SYLLABLES = (("ah", "oo"), ("eh", "ee"), ("oh", "ah"), ("oo", "eh"))


def _drums(session: Session, full: list[int]) -> Sound:
    kit = session.kit
    kick = drums.kick(kit, end_hz=55.0, punch=4.0, decay_s=0.08)
    snare = drums.snare(kit, tone_hz=session.between(170, 210), decay_s=0.09)
    hat = drums.hat(kit, decay_s=0.03)
    return (
        0.8 * lay(session, pattern(session.pick(_KICKS), full), kick)
        + 0.5 * lay(session, pattern("---- X--- ---- X---", full), snare)
        + 0.35 * lay(session, pattern("x-o- x-o- x-o- x-o-", session.bars), hat)
    )


def _chords(session: Session, steps: tuple[int, ...]) -> Sound:
    text = session.pick(_KEYS)
    held: list[Note] = []
    struck: list[Note] = []
    for bar in session.bars:
        pitches = chord(session.root + 24, MAJOR, steps[bar % 4])
        held += [Note(beat=4.0 * bar, length=4.0, pitch=pitch) for pitch in pitches]
        hits = pattern(text, [bar])
        struck += [Note(beat=hit.beat, length=0.8, pitch=p, velocity=hit.velocity) for hit in hits for p in pitches]
    pads = play(session, held, partial(instruments.pad, cutoff_hz=session.between(1500, 3000), attack_s=0.15))
    return 0.35 * pads + play(session, struck, partial(instruments.electric_piano, bite=session.between(0.8, 1.8)))


def _bass(session: Session, steps: tuple[int, ...]) -> Sound:
    notes = [
        Note(beat=hit.beat, length=0.48, pitch=degree(session.root, MAJOR, steps[bar % 4]) - 12 * (steps[bar % 4] > 3))
        for bar in session.bars
        for hit in pattern("X-x- X-x- X-x- X-x-", [bar])
    ]
    return play(session, notes, partial(instruments.plucked_bass, cutoff_hz=900.0, decay_s=0.15))


def _melody(session: Session, steps: tuple[int, ...]) -> list[Note]:
    """Phrases of two bars that walk by small steps and come to rest on a tone of the chord."""
    rhythms = session.choice.integers(len(_RHYTHMS), size=2)
    walk = [int(step) for step in session.choice.choice([-2, -1, -1, 1, 1, 2], size=10)]
    notes: list[Note] = []
    for bar in session.bars:
        beats = _RHYTHMS[int(rhythms[bar % 2])]
        step = steps[bar % 4] % 5 + 2
        for place, (beat, end) in enumerate(zip(beats, (*beats[1:], 4.0), strict=True)):
            step = min(max(step + walk[(5 * (bar % 2) + place) % 10], 0), 9)
            pitch = degree(session.root + 24, MAJOR, step if place < 4 else steps[bar % 4] % 7)
            notes.append(Note(beat=4.0 * bar + beat, length=0.95 * (end - beat), pitch=pitch))
    return notes


def _lead(session: Session, steps: tuple[int, ...]) -> Sound:
    """Sing the melody, one pair of vowels a syllable in turn."""
    notes = _melody(session, steps)
    first = int(session.choice.integers(len(_SYLLABLES)))
    breath = session.between(0.1, 0.3)
    dry = np.zeros(session.samples)
    for turn in range(len(_SYLLABLES)):
        vowels = _SYLLABLES[(first + turn) % len(_SYLLABLES)]
        singer = partial(instruments.voice, vowels=vowels, breath=breath, source=session.noise)
        dry += play(session, notes[turn :: len(_SYLLABLES)], singer)
    wet = reverberate(dry, 1.4, source=session.noise, rate=session.rate)
    return dry + 0.2 * wet + 0.3 * echo(dry, delay=session.sample_at(0.5), feedback=0.4)


def compose(session: Session) -> Sound:
    """The band under the voice; in the breakdown voice, chords and hats."""
    rests = breakdown(session)
    full = [bar for bar in session.bars if bar not in rests]
    steps = session.pick(_PROGRESSIONS)
    band = _drums(session, full) + 0.45 * _bass(session, steps) + 0.12 * _chords(session, steps)
    return band + 0.5 * _lead(session, steps)


STYLE = Style(name="vocal_pop", tempo_bpm=(98.0, 118.0), roots=(36, 43), loudness=0.16, compose=compose)
