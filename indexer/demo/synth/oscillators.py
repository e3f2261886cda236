"""Generates periodic waves from harmonics, and noise: every sound of the demo catalog is made from them.

A wave is one period summed from sines, read from a table at any speed. The harmonics stop below half the sample rate,
so nothing aliases.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Sound: TypeAlias = npt.NDArray[np.float64]
"""Mono audio ``[sample]`` on the way to a mix; the scale is free until mastering."""

_TABLE = 4096
_HIGHEST = 0.45
"""Highest partial as a share of the sample rate."""


def cycles_of(hz: float | Sound, samples: int, *, rate: int) -> Sound:
    """Periods passed at each of ``samples`` samples; ``hz`` is one number or a curve ``[sample]``. Starts at 0."""
    steps = np.broadcast_to(np.asarray(hz, dtype=np.float64) / rate, (samples,))
    return np.asarray(np.cumsum(steps) - steps[:1].sum(), dtype=np.float64)


def sine(hz: float | Sound, samples: int, *, rate: int) -> Sound:
    """A sine wave within [-1, 1]."""
    return np.sin(2 * np.pi * cycles_of(hz, samples, rate=rate))


@lru_cache(maxsize=512)
def _period(amplitudes: tuple[float, ...]) -> Sound:
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _TABLE * np.asarray(amplitudes)
    period = np.fft.irfft(spectrum, _TABLE)
    period /= np.abs(period).max()
    closed = np.append(period, period[0])
    closed.flags.writeable = False
    return closed


def harmonic_wave(cycles: Sound, amplitudes: tuple[float, ...]) -> Sound:
    """Read the wave whose k-th harmonic has ``amplitudes[k - 1]`` at the positions ``cycles``; its peak is 1.

    >>> wave = harmonic_wave(np.array([0.0, 0.25, 0.5]), (1.0,))
    >>> [round(abs(float(value)), 6) for value in wave]
    [0.0, 1.0, 0.0]
    """
    period = _period(amplitudes)
    position = (cycles % 1.0) * _TABLE
    index = position.astype(np.int64)
    share = position - index
    return np.asarray(period[index] * (1 - share) + period[np.minimum(index + 1, _TABLE)] * share, dtype=np.float64)


def harmonics_below(hz: float, rate: int) -> int:
    """How many harmonics of ``hz`` fit below the highest partial, at least one."""
    return int(np.clip(_HIGHEST * rate / hz, 1, _TABLE // 4))


def saw_harmonics(hz: float, rate: int) -> tuple[float, ...]:
    """Amplitudes 1/k: a sawtooth."""
    return tuple(1.0 / k for k in range(1, harmonics_below(hz, rate) + 1))


def square_harmonics(hz: float, rate: int) -> tuple[float, ...]:
    """Amplitudes 1/k of the odd harmonics: a square wave."""
    return tuple((k % 2) / k for k in range(1, harmonics_below(hz, rate) + 1))


def saw(hz: float, samples: int, *, rate: int, start: float = 0.0) -> Sound:
    """A band-limited sawtooth that begins ``start`` periods in."""
    return harmonic_wave(cycles_of(hz, samples, rate=rate) + start, saw_harmonics(hz, rate))


def square(hz: float, samples: int, *, rate: int) -> Sound:
    """A band-limited square wave."""
    return harmonic_wave(cycles_of(hz, samples, rate=rate), square_harmonics(hz, rate))


def white_noise(samples: int, source: np.random.Generator) -> Sound:
    """Normal noise of standard deviation 0.3, so that peaks stay near 1."""
    return source.normal(0.0, 0.3, samples)
