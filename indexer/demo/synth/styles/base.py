"""What a style is: a name, a range of tempo and key, a loudness, and the function that plays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexer.demo.synth.oscillators import Sound
from indexer.demo.synth.score import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One way to make music. A clip draws tempo and key from the ranges and has ``compose`` do the rest."""

    name: str
    tempo_bpm: tuple[float, float]
    """Lowest and highest tempo; the draw is uniform."""
    roots: tuple[int, int]
    """Lowest and highest key note in the bass, MIDI numbers, both included."""
    loudness: float
    """Root mean square of the finished clip before its peaks are rounded, full scale is 1."""
    compose: Callable[[Session], Sound]
    """Plays one clip -> ``[sample]`` of the session, at any scale."""
