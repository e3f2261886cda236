"""Defines a style: its name, its ranges of tempo and key, its loudness, and the function that composes a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A style of music. A clip draws its tempo and key from the ranges, and ``compose`` makes the music."""

    name: str
    tempo_bpm: tuple[float, float]
    """Lowest and highest tempo; the draw is uniform."""
    roots: tuple[int, int]
    """Lowest and highest key note in the bass, MIDI numbers, both included."""
    loudness: float
    """Root mean square of the finished clip before its peaks are rounded, full scale is 1."""
    compose: Callable[[Session], Sound]
    """Composes one clip -> ``[sample]`` of the session, at any scale."""
