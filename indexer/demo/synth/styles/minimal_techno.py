"""Minimal techno: a soft kick on every beat, clicks and rims in between, a few low notes, and much silence."""

from __future__ import annotations

from functools import partial

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import echo, lowpass, reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import MINOR, Hit, Note, Session, breakdown, degree, duck, lay, loosen, pattern, play
from indexer.demo.synth.styles.base import Style

_RIMS = ("---x --o- ---- -x--", "--o- -x-- --o- ---x", "-o-- ---x -o-- --x-", "---- --x- ---o -x-o")
_CLICKS = ("--x- --x- --x- --x-", "--x- o-x- --x- -ox-", "-ox- --x- -ox- --x-")
_BASS = ("---- ---X --x- ----", "--X- ---- ---- x--x", "---X ---- -x-- ----", "-X-- ---- ---X ----")
_BLIPS = ("---- ---- ---X ----", "---- -X-- ---- --x-", "-X-- ---- ---- ----")
_SWING = 0.18


def _drums(session: Session, kicks: list[Hit], full: list[int]) -> Sound:
    kit = session.kit
    kick = drums.kick(kit, end_hz=session.between(44, 52), punch=2.5, decay_s=0.08)
    click = drums.hat(kit, decay_s=0.008)
    rim = drums.rim(kit, tone_hz=session.between(900, 1700))
    shake = drums.shaker(kit, decay_s=0.03)
    clicks = loosen(session, pattern(session.pick(_CLICKS), session.bars, swing=_SWING))
    rims = loosen(session, pattern(session.pick(_RIMS), session.bars, swing=_SWING))
    return (
        0.7 * lay(session, kicks, lowpass(kick, 900.0, rate=session.rate))
        + 0.7 * lay(session, clicks, click)
        + 0.3 * lay(session, rims, rim)
        + 0.5 * lay(session, pattern("---- X--- ---- X---", full), shake)
    )


def _line(session: Session, text: str, root: int) -> list[Note]:
    """Few short notes, the same each bar, on low steps of the scale."""
    steps = session.choice.choice([0, 0, 2, 4, 6], size=16)
    pitches = [degree(root, MINOR, int(step)) for step in steps]
    return [
        Note(beat=hit.beat, length=0.4, pitch=pitches[int(hit.beat * 4) % 16], velocity=hit.velocity)
        for hit in pattern(text, session.bars, swing=_SWING)
    ]


def compose(session: Session) -> Sound:
    """Drums and bass stay dry; single blips go into a long echo."""
    rests = breakdown(session)
    full = [bar for bar in session.bars if bar not in rests]
    kicks = pattern("x--- x--- x--- x---", full)
    bass = play(session, _line(session, session.pick(_BASS), session.root), instruments.round_bass)
    player = partial(instruments.bell, ring_s=session.between(0.05, 0.12))
    blips = play(session, _line(session, session.pick(_BLIPS), session.root + 36), player)
    space = echo(blips, delay=session.sample_at(0.75), feedback=0.6, repeats=6)
    room = reverberate(blips + space, 1.2, source=session.noise, rate=session.rate)
    return _drums(session, kicks, full) + 0.35 * duck(session, bass, kicks) + 0.2 * (blips + space) + 0.05 * room


STYLE = Style(name="minimal_techno", tempo_bpm=(121.0, 126.0), roots=(29, 36), loudness=0.12, compose=compose)
