"""Represents music in beats (keys, patterns, notes) and mixes its sounds into the samples of a clip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from indexer.demo.synth.drums import Kit
from indexer.demo.synth.effects import decay
from indexer.demo.synth.instruments import Instrument, Tone
from indexer.demo.synth.oscillators import Sound

Option = TypeVar("Option")

BEATS_A_BAR = 4
MINOR = (0, 2, 3, 5, 7, 8, 10)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
_VELOCITY = {"X": 1.0, "x": 0.7, "o": 0.4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A moment in the clip: ``beat`` from its start, ``velocity`` in (0, 1]."""

    beat: float
    velocity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A pitch (MIDI number, 69 is 440 Hz) that starts at ``beat`` and lasts ``length`` beats."""

    beat: float
    length: float
    pitch: int
    velocity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The settings of one clip: tempo, key, length, and two random generators."""

    bpm: float
    root: int
    """MIDI number of the key note in the bass."""
    seconds: float
    rate: int
    choice: np.random.Generator
    """Chooses the notes and the settings of instruments."""
    noise: np.random.Generator
    """Generates noise; separate from ``choice``, so that the sample rate does not change the notes."""

    @property
    def samples(self) -> int:
        return round(self.seconds * self.rate)

    @property
    def kit(self) -> Kit:
        return Kit(source=self.noise, rate=self.rate)

    @property
    def bars(self) -> range:
        """Every bar that begins within the clip."""
        return range(math.ceil(self.seconds * self.bpm / 60 / BEATS_A_BAR))

    def sample_at(self, beat: float) -> int:
        return round(beat * 60 / self.bpm * self.rate)

    def pick(self, options: Sequence[Option]) -> Option:
        """A random one of ``options``."""
        return options[int(self.choice.integers(len(options)))]

    def between(self, low: float, high: float) -> float:
        """A random number in [low, high)."""
        return float(self.choice.uniform(low, high))


def pitch_hz(pitch: float) -> float:
    """Frequency of a MIDI number, equal temperament, 69 is 440 Hz."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def degree(root: int, scale: Sequence[int], step: int) -> int:
    """Pitch ``step`` steps up the ``scale`` from ``root``; steps past the octave, or below, go on in the next one.

    >>> degree(60, MAJOR, 2), degree(60, MAJOR, 7), degree(60, MAJOR, -1)
    (64, 72, 59)
    """
    octave, place = divmod(step, len(scale))
    return root + 12 * octave + scale[place]


def chord(root: int, scale: Sequence[int], step: int, *, voices: int = 3) -> tuple[int, ...]:
    """Stack thirds on a scale step: three voices are a triad, four a seventh chord."""
    return tuple(degree(root, scale, step + 2 * voice) for voice in range(voices))


def pattern(text: str, bars: Iterable[int], *, swing: float = 0.0) -> list[Hit]:
    """Read one bar of steps and repeat it: ``X`` loud, ``x`` middle, ``o`` soft, ``-`` rest; spaces are free.

    The bar is divided evenly by the steps written, so sixteen are sixteenths and twelve are triplets. Every second
    step comes late by ``swing`` (share of a step).

    >>> [hit.beat for hit in pattern("X-x-", [1])]
    [4.0, 6.0]
    """
    steps = text.replace(" ", "")
    size = BEATS_A_BAR / len(steps)
    return [
        Hit(beat=bar * BEATS_A_BAR + size * (place + swing * (place % 2)), velocity=_VELOCITY[mark])
        for bar in bars
        for place, mark in enumerate(steps)
        if mark != "-"
    ]


def loosen(session: Session, hits: Iterable[Hit]) -> list[Hit]:
    """Vary the hits like a human player: up to 1 % of a beat late, up to a quarter softer."""
    late, soft = 0.01, 0.25
    return [
        replace(hit, beat=hit.beat + session.between(0, late), velocity=hit.velocity * (1 - session.between(0, soft)))
        for hit in hits
    ]


def breakdown(session: Session) -> frozenset[int]:
    """Two bars in the middle third where the drums rest; none in clips shorter than eight bars."""
    count = len(session.bars)
    if count < 8:
        return frozenset()
    start = int(session.choice.integers(count // 3, 2 * count // 3))
    return frozenset((start, start + 1))


def _add(mix: Sound, sound: Sound, start: int) -> None:
    end = min(len(mix), start + len(sound))
    if start < end:
        mix[start:end] += sound[: end - start]


def lay(session: Session, hits: Iterable[Hit], sound: Sound) -> Sound:
    """Mix one ``sound`` in at every hit -> ``[sample]`` of the clip; the part after the end is cut off."""
    mix = np.zeros(session.samples)
    for hit in hits:
        _add(mix, hit.velocity * sound, session.sample_at(hit.beat))
    return mix


def play(session: Session, notes: Iterable[Note], instrument: Instrument) -> Sound:
    """Have ``instrument`` play ``notes`` -> ``[sample]`` of the clip. A repeated note is computed only once."""
    mix = np.zeros(session.samples)
    made: dict[tuple[int, float], Sound] = {}
    for note in notes:
        key = (note.pitch, note.length)
        if key not in made:
            seconds = note.length * 60 / session.bpm
            made[key] = instrument(Tone(hz=pitch_hz(note.pitch), seconds=seconds, rate=session.rate))
        _add(mix, note.velocity * made[key], session.sample_at(note.beat))
    return mix


def duck(session: Session, sound: Sound, hits: Iterable[Hit]) -> Sound:
    """Make room for the kick: ``sound`` falls to a quarter at each hit and is back after about 150 ms."""
    shape = decay(int(0.4 * session.rate), 0.08, rate=session.rate)
    return np.asarray(sound * (1 - 0.75 * np.minimum(lay(session, hits, shape), 1.0)))
