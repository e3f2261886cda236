"""Acoustic folk: a finger-picked guitar, a tune on a whistle that comes and goes, and a quiet shaker."""

from __future__ import annotations

from functools import partial

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import MAJOR, Hit, Note, Session, chord, degree, lay, loosen, pattern, play
from indexer.demo.synth.styles.base import Style

_PROGRESSIONS = ((0, 3, 0, 4), (0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4))
_PICKING = ((0, 2, 1, 3, 0, 2, 1, 3), (0, 1, 2, 3, 2, 1, 2, 1), (0, 3, 1, 2, 0, 3, 2, 1), (0, 2, 3, 2, 1, 2, 3, 2))
"""Eight eighths a bar; 0 is the thumb on the bass string, 1 to 3 are the fingers."""
_TUNES = ((0.0, 1.0, 1.5, 2.0, 3.0), (0.0, 1.5, 2.0, 3.0, 3.5), (0.5, 1.0, 2.0, 2.5, 3.0))


def _guitar(session: Session, steps: tuple[int, ...]) -> Sound:
    """Strings ring over one another for three beats."""
    picking = session.pick(_PICKING)
    notes: list[Note] = []
    for bar in session.bars:
        step = steps[bar % 4]
        strings = (degree(session.root, MAJOR, step - 7 * (step > 3)), *chord(session.root + 12, MAJOR, step))
        plucks = loosen(session, [Hit(beat=4.0 * bar + place / 2, velocity=0.8) for place in range(8)])
        for pluck, finger in zip(plucks, picking, strict=True):
            notes.append(Note(beat=pluck.beat, length=3.0, pitch=strings[finger], velocity=pluck.velocity))
    body = partial(instruments.string, damping=session.between(0.25, 0.5), brightness=session.between(2000, 5000))
    return play(session, notes, body)


def _whistle(session: Session, steps: tuple[int, ...]) -> Sound:
    """Four bars of tune, four bars of rest; every second turn starts with the rest."""
    beats = session.pick(_TUNES)
    walk = [int(step) for step in session.choice.choice([-2, -1, 1, 1, 2], size=20)]
    late = int(session.choice.integers(2))
    notes: list[Note] = []
    for bar in session.bars:
        if (bar // 4) % 2 != late:
            continue
        step = steps[bar % 4] % 5 + 4
        for place, (beat, end) in enumerate(zip(beats, (*beats[1:], 4.0), strict=True)):
            step = min(max(step + walk[(5 * (bar % 4) + place) % 20], 2), 11)
            pitch = degree(session.root + 24, MAJOR, step)
            notes.append(Note(beat=4.0 * bar + beat, length=0.9 * (end - beat), pitch=pitch))
    return play(session, notes, partial(instruments.flute, source=session.noise))


def compose(session: Session) -> Sound:
    """Guitar first, the rest around it, in a small room."""
    steps = session.pick(_PROGRESSIONS)
    shake = drums.shaker(session.kit, decay_s=0.04)
    shakes = loosen(session, pattern("o-x- o-x- o-x- o-x-", session.bars))
    dry = 0.7 * _guitar(session, steps) + session.between(0.1, 0.2) * _whistle(session, steps)
    room = reverberate(dry, 0.7, source=session.noise, rate=session.rate)
    return dry + 0.15 * room + session.between(0.1, 0.3) * lay(session, shakes, shake)


STYLE = Style(name="folk", tempo_bpm=(84.0, 112.0), roots=(40, 47), loudness=0.1, compose=compose)
