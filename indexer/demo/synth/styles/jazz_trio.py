"""A jazz trio: a walking upright bass, a swinging ride with brushes, and seventh chords on an electric piano."""

from __future__ import annotations

from functools import partial

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import MAJOR, Note, Session, chord, degree, lay, loosen, pattern, play
from indexer.demo.synth.styles.base import Style

_CHANGES = ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (0, 3, 1, 4))
"""Scale steps, one a bar: the turns that end on the second and fifth."""
_COMPING = ("X----x ------", "---X-- --X---", "X----- --x--X", "-----X -----x", "--X--- X-----")
"""Twelve triplet eighths a bar."""


def _drums(session: Session) -> Sound:
    kit = session.kit
    ride = drums.ride(kit, decay_s=session.between(0.25, 0.5))
    foot = drums.hat(kit, decay_s=0.02)
    brush = drums.brush(kit)
    return (
        0.45 * lay(session, loosen(session, pattern("X-- X-x X-- X-x", session.bars)), ride)
        + 0.25 * lay(session, pattern("--- x-- --- x--", session.bars), foot)
        + 0.5 * lay(session, loosen(session, pattern("o-- x-- o-- x-o", session.bars)), brush)
    )


def _walk(session: Session, steps: tuple[int, ...]) -> Sound:
    """A note a beat: the root, two steps of the scale, and a half-tone from the next root."""
    notes: list[Note] = []
    for bar in session.bars:
        here, there = steps[bar % 4], steps[(bar + 1) % 4]
        inner = [here + int(step) for step in session.choice.choice([1, 2, 4, -1, -3], size=2, replace=False)]
        approach = degree(session.root, MAJOR, there) + session.pick((-1, 1))
        pitches = [*(degree(session.root, MAJOR, step) for step in (here, *inner)), approach]
        notes += [Note(beat=4.0 * bar + beat, length=0.98, pitch=pitch) for beat, pitch in enumerate(pitches)]
    return play(session, notes, partial(instruments.string, damping=0.5, brightness=session.between(500, 900)))


def _piano(session: Session, steps: tuple[int, ...]) -> Sound:
    """Chords off the beat on the left, a wandering line on the right in every second group of two bars."""
    notes: list[Note] = []
    step = 9
    for bar in session.bars:
        pitches = chord(session.root + 24, MAJOR, steps[bar % 4] - 7 * (steps[bar % 4] > 3), voices=4)[1:]
        hits = loosen(session, pattern(session.pick(_COMPING), [bar]))
        notes += [Note(beat=hit.beat, length=0.7, pitch=p, velocity=hit.velocity / 2) for hit in hits for p in pitches]
        if bar // 2 % 2 == 0:
            continue
        for hit in loosen(session, pattern("X-x X-x --x X-x", [bar])):
            step = min(max(step + int(session.choice.choice([-2, -1, -1, 1, 1, 2, 3])), 5), 14)
            pitch = degree(session.root + 24, MAJOR, step)
            notes.append(Note(beat=hit.beat, length=0.6, pitch=pitch, velocity=hit.velocity))
    return play(session, notes, partial(instruments.electric_piano, bite=session.between(0.5, 1.4)))


def compose(session: Session) -> Sound:
    """Bass, drums and piano in a small club."""
    steps = session.pick(_CHANGES)
    dry = 0.8 * _walk(session, steps) + _drums(session) + 0.22 * _piano(session, steps)
    return dry + 0.12 * reverberate(dry, 0.9, source=session.noise, rate=session.rate)


STYLE = Style(name="jazz_trio", tempo_bpm=(116.0, 176.0), roots=(33, 41), loudness=0.12, compose=compose)
