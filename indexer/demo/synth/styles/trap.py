"""Trap: a long tuned bass drum, one snare in the middle of the bar, hats that break into rolls, and a sad bell tune."""

from __future__ import annotations

from functools import partial

from indexer.demo.synth import drums, instruments
from indexer.demo.synth.effects import echo, reverberate
from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import MINOR, Hit, Note, Session, breakdown, chord, degree, lay, pattern, play
from indexer.demo.synth.styles.base import Style

_BASS = ("X--- --x- --X- ----", "X--- ---- -xX- --x-", "X--x ---- --X- -x--", "X--- --X- ---- --x-")
_HATS = (
    "x-x- x-x- x-x- x-x-",
    "x-x- x-x- x-x- xxxx",
    "x-x-x- x-x-x- xxxxxx x-x-x-",
    "x---x--- x---x--- x---x--- xxxxxxxx",
    "x---x--- x-x-x-x- x---x--- x---xxxx",
)
"""Eighths, then with rolls of sixteenths, triplets and thirty-seconds."""
_BASS_STEPS = ((0, 0, 5, 4), (0, 0, 3, 4), (0, 5, 0, 6), (0, 0, -1, -2))


def _drums(session: Session, full: list[int]) -> Sound:
    kit = session.kit
    hat = drums.hat(kit, decay_s=session.between(0.012, 0.025))
    opened = drums.hat(kit, decay_s=0.12)
    snare = drums.snare(kit, tone_hz=session.between(200, 260), decay_s=0.06)
    clap = drums.clap(kit, decay_s=session.between(0.07, 0.12))
    backbeat = pattern("---- ---- X--- ----", full)
    rolls: list[Hit] = []
    for bar in session.bars:
        rolls += pattern(session.pick(_HATS), [bar])
    return (
        0.7 * lay(session, rolls, hat)
        + 0.5 * lay(session, backbeat, snare)
        + 0.6 * lay(session, backbeat, clap)
        + 0.2 * lay(session, pattern("---- ---- ---- --X-", full[1::2]), opened)
    )


def _bass(session: Session, full: list[int]) -> Sound:
    """Each note rings until the next one starts, under a short kick."""
    steps = session.pick(_BASS_STEPS)
    hits = pattern(session.pick(_BASS), full)
    ends = [hit.beat for hit in hits[1:]] + [float(4 * len(session.bars))]
    pitches = [degree(session.root, MINOR, step) for step in steps]
    notes = [
        Note(beat=hit.beat, length=min(end - hit.beat, 3.0), pitch=pitches[int(hit.beat // 4) % 4])
        for hit, end in zip(hits, ends, strict=True)
    ]
    kick = drums.kick(session.kit, end_hz=50.0, punch=5.0, decay_s=0.05)
    player = partial(instruments.long_bass, fall_s=session.between(0.5, 0.9))
    return play(session, notes, player) + 0.7 * lay(session, hits, kick)


def _tune(session: Session) -> Sound:
    """Two bars of bells, repeated, the second time round with another ending, over a dark pad."""
    beats = sorted(float(beat) for beat in session.choice.choice(16, size=7, replace=False) / 2)
    steps = [int(step) for step in session.choice.choice([0, 1, 2, 4, 5, 7], size=len(beats))]
    notes: list[Note] = []
    for turn, bar in enumerate(session.bars[::2]):
        ending = 2 if turn % 2 else 0
        shifts = [0] * (len(beats) - 2) + [ending, -ending]
        for beat, step, shift in zip(beats, steps, shifts, strict=True):
            notes.append(Note(beat=4.0 * bar + beat, length=2.0, pitch=degree(session.root + 36, MINOR, step + shift)))
    bells = play(session, notes, partial(instruments.bell, ring_s=session.between(0.3, 0.7)))
    held = [
        Note(beat=4.0 * bar, length=8.0, pitch=pitch)
        for bar in session.bars[::2]
        for pitch in chord(session.root + 24, MINOR, (0, 5)[bar // 2 % 2])
    ]
    dark = play(session, held, partial(instruments.pad, cutoff_hz=600.0, attack_s=0.8))
    wet = reverberate(bells, 1.8, source=session.noise, rate=session.rate)
    return bells + echo(bells, delay=session.sample_at(1.5), feedback=0.35) + 0.25 * wet + 0.6 * dark


def compose(session: Session) -> Sound:
    """Bass, drums and bells; in the breakdown hats and bells only."""
    rests = breakdown(session)
    full = [bar for bar in session.bars if bar not in rests]
    return 0.55 * _bass(session, full) + _drums(session, full) + 0.28 * _tune(session)


STYLE = Style(name="trap", tempo_bpm=(134.0, 148.0), roots=(29, 35), loudness=0.19, compose=compose)
