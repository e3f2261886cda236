"""Four-to-the-floor techno: a hard kick on every beat, off-beat hats, a rolling bass and echoing minor stabs."""

from __future__ import annotations

from functools import partial

import numpy as np

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import echo, highpass
from indexer.demo.synth.oscillators import Sound, white_noise
from indexer.demo.synth.score import MINOR, Hit, Note, Session, breakdown, chord, duck, lay, pattern, play
from indexer.demo.synth.styles.base import Style

_BASS = ("-xxX -xxx -xxX -xxx", "--X- --x- --X- -xx-", "-x-X -xx- -x-X -xxX", "-XXx -XXx -XXx -XxX")
_STABS = ("---X --X- ---- ----", "X--X --X- ---- --X-", "--X- ---- -X-- ----", "X--- --X- -X-- ----")
_CLOSED_HATS = ("oooo oooo oooo oooo", "xo-o xo-o xo-o xo-o", "-o-o -o-o -o-x -o-o")


def _drums(session: Session, kicks: list[Hit], full: list[int]) -> Sound:
    kit = session.kit
    kick = drums.kick(kit, end_hz=session.between(46, 56), punch=session.between(4, 7), decay_s=0.11)
    closed = drums.hat(kit, decay_s=session.between(0.02, 0.04))
    opened = drums.hat(kit, decay_s=session.between(0.08, 0.14))
    clap = drums.clap(kit, decay_s=session.between(0.06, 0.12))
    return (
        1.0 * lay(session, kicks, kick)
        + 0.35 * lay(session, pattern(session.pick(_CLOSED_HATS), full), closed)
        + 0.5 * lay(session, pattern("--X- --X- --X- --X-", session.bars), opened)
        + 0.6 * lay(session, pattern("---- X--- ---- X---", full), clap)
    )


def _bass(session: Session) -> Sound:
    hits = pattern(session.pick(_BASS), session.bars)
    jump = session.pick((0, 1, 7))
    notes = [
        Note(beat=hit.beat, length=0.22, pitch=session.root + jump * (hit.velocity == 1), velocity=hit.velocity)
        for hit in hits
    ]
    cutoff, decay_s = session.between(500, 1600), session.between(0.05, 0.12)
    return play(session, notes, partial(instruments.plucked_bass, cutoff_hz=cutoff, decay_s=decay_s))


def _stabs(session: Session) -> Sound:
    pitches = chord(session.root + 24, MINOR, session.pick((0, 3)), voices=session.pick((3, 4)))
    hits = pattern(session.pick(_STABS), session.bars)
    notes = [Note(beat=hit.beat, length=0.6, pitch=pitch, velocity=hit.velocity) for hit in hits for pitch in pitches]
    cutoff = session.between(1500, 4000)
    dry = play(session, notes, partial(instruments.stab, cutoff_hz=cutoff, decay_s=session.between(0.06, 0.16)))
    return dry + echo(dry, delay=session.sample_at(0.75), feedback=0.5)


def _riser(session: Session, rests: frozenset[int]) -> Sound:
    """Noise that grows while the drums rest."""
    amount = np.zeros(session.samples)
    if rests:
        start, end = session.sample_at(4 * min(rests)), session.sample_at(4 * (max(rests) + 1))
        grow = np.linspace(0, 1, end - start)[: max(0, session.samples - start)]
        amount[start : start + len(grow)] = grow**2
    return highpass(white_noise(session.samples, session.noise), 2500.0, rate=session.rate) * amount


def compose(session: Session) -> Sound:
    """Kick, hats and clap over bass and stabs; in the breakdown only the hats, the stabs and a rising noise stay."""
    rests = breakdown(session)
    full = [bar for bar in session.bars if bar not in rests]
    kicks = pattern("X--- X--- X--- X---", full)
    music = 0.45 * _bass(session) + 0.32 * _stabs(session)
    return _drums(session, kicks, full) + duck(session, music, kicks) + 0.35 * _riser(session, rests)


STYLE = Style(name="techno", tempo_bpm=(127.0, 135.0), roots=(31, 38), loudness=0.2, compose=compose)
