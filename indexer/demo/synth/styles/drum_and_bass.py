"""Drum and bass at 174 bpm: a broken beat with ghost notes, a beating bass, and pads at half the speed."""

from __future__ import annotations

from functools import partial

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import drive, highpass, reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import (
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
    play,
)
from indexer.demo.synth.styles.base import Style

_KICKS = ("X--- ---- --X- ----", "X-x- ---- --X- ----", "X--- ---- -xX- ----")
_GHOSTS = ("---- ---o -o-- ---o", "---o --o- -o-- --oo", "---- ---o ---- -o--")
_HATS = ("x-x- x-x- x-x- x-x-", "xoxo xoxo xoxo xoxo", "x-xo x-xo x-xo x-xo")
_LINES = ((0, 0, 3, -2), (0, 5, 3, 2), (0, -1, 0, 2), (0, 0, -2, -3))


def _drums(session: Session, kicks: list[Hit], full: list[int]) -> Sound:
    kit = session.kit
    kick = drums.kick(kit, end_hz=session.between(52, 62), punch=4.5, decay_s=0.07)
    snare = drums.snare(kit, tone_hz=session.between(185, 230), decay_s=session.between(0.07, 0.11))
    hat = drums.hat(kit, decay_s=session.between(0.02, 0.035))
    ride = drums.ride(kit, decay_s=0.25)
    ghosts = loosen(session, pattern(session.pick(_GHOSTS), full))
    return (
        0.9 * lay(session, kicks, kick)
        + 0.75 * lay(session, pattern("---- X--- ---- X---", full), snare)
        + 0.3 * lay(session, ghosts, highpass(snare, 400.0, rate=session.rate))
        + 0.4 * lay(session, loosen(session, pattern(session.pick(_HATS), session.bars)), hat)
        + 0.16 * lay(session, pattern("x--- x--- x--- x---", full), ride)
    )


def _bass(session: Session) -> Sound:
    """One long note a bar, answered by two short ones in every second bar."""
    line = session.pick(_LINES)
    notes: list[Note] = []
    for bar in session.bars:
        pitch = degree(session.root, MINOR, line[bar % 4])
        long = 4.0 if bar % 2 == 0 else 2.5
        notes.append(Note(beat=4.0 * bar, length=long, pitch=pitch))
        if bar % 2:
            notes += [Note(beat=4.0 * bar + beat, length=0.7, pitch=pitch + 12) for beat in (2.5, 3.25)]
    wobble_hz = session.bpm / 60 / session.pick((0.75, 1.0, 2.0))
    player = partial(instruments.reese, detune=session.between(0.008, 0.016), wobble_hz=wobble_hz)
    return drive(play(session, notes, player), 1.6)


def _pads(session: Session) -> Sound:
    steps = session.pick(((0, 5, 3, 4), (0, 2, 5, 6)))
    notes = [
        Note(beat=4.0 * bar, length=8.0, pitch=pitch)
        for bar in session.bars[::2]
        for pitch in chord(session.root + 24, MINOR, steps[bar // 2 % 4], voices=4)
    ]
    dry = play(session, notes, partial(instruments.pad, cutoff_hz=session.between(1200, 2600), attack_s=0.5))
    return dry + 0.3 * reverberate(dry, 2.0, source=session.noise, rate=session.rate)


def compose(session: Session) -> Sound:
    """The break over bass and pads; in the breakdown the pads and hats are alone."""
    rests = breakdown(session)
    full = [bar for bar in session.bars if bar not in rests]
    kicks = pattern(session.pick(_KICKS), full)
    return _drums(session, kicks, full) + 0.4 * duck(session, _bass(session), kicks) + 0.13 * _pads(session)


STYLE = Style(name="drum_and_bass", tempo_bpm=(174.0, 174.0), roots=(28, 34), loudness=0.2, compose=compose)
