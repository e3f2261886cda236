"""Where else to listen when the excerpt of a file is silent: a hidden track, or channels that cancel in their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from indexer.audio.decoder_base import Excerpt, Mix, OneChannel, Sound, downmix
from indexer.audio.decoders.second_opinion import decoder_for
from recommender.types import Waveform

SILENCE_DBFS = -80.0
"""Root mean square in dB of full scale, below which a clip is silent: the rounding noise of 14-bit samples."""


_SAME_LEVEL = 0.99


def other_windows(sound: Sound, excerpt: Excerpt) -> Iterator[tuple[Excerpt, Mix]]:
    """Windows of the length of ``excerpt``, and ways to make one channel of them, to try when ``excerpt`` is silent.

    Lazy: the later ones cost more. The last ones need a pass over the whole sound. A file up to the length of the
    excerpt has no other windows, only channels. Raises BadInput if the sound cannot be read.
    """
    info = decoder_for(sound).info(sound)
    if info.channels > 1:
        yield excerpt, OneChannel(_loudest_channel(sound, excerpt, info.channels))
    room_ms = int(info.duration_s * 1000) - excerpt.length_ms
    if room_ms < 1000:
        return
    for quarter in (1, 3):
        yield Excerpt(start_ms=room_ms * quarter // 4000 * 1000, length_ms=excerpt.length_ms), downmix
    start_ms = _first_loud_ms(sound, excerpt.length_ms)
    if start_ms is None:
        return
    window = Excerpt(start_ms=min(start_ms, room_ms // 1000 * 1000), length_ms=excerpt.length_ms)
    yield window, downmix
    if info.channels > 1:
        yield window, OneChannel(_loudest_channel(sound, window, info.channels))


def _loudest_channel(sound: Sound, excerpt: Excerpt, channels: int) -> int:
    """Number of the loudest channel, the first of those within a tenth of a dB: rounding must not choose."""
    decoder = decoder_for(sound)
    passages = (decoder.read(sound, excerpt=excerpt, mix=OneChannel(number)) for number in range(channels))
    levels = np.array([_level(passage.samples) for passage in passages])
    return int(np.flatnonzero(levels >= _SAME_LEVEL * levels.max())[0])


def _level(samples: Waveform) -> float:
    """Standard deviation; 0 for what is no number, so that damage is not the loudest."""
    level = float(np.std(samples, dtype=np.float64)) if len(samples) else 0.0
    return level if np.isfinite(level) else 0.0


def _first_loud_ms(sound: Sound, length_ms: int) -> int | None:
    """The first whole second that is loud and from where a window of ``length_ms`` is audible; None without one.

    The mean over the window needs twice the limit, because a resampler and a mean of channels take a little away.
    """
    powers = np.fromiter(_powers(sound), np.float64)
    window, limit = max(1, length_ms // 1000), 10 ** (SILENCE_DBFS / 10)
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    starts = np.minimum(np.arange(len(powers)), max(0, len(powers) - window))
    means = (sums[np.minimum(starts + window, len(powers))] - sums[starts]) / window
    loud = np.flatnonzero((powers > limit) & (means > 2 * limit))
    return int(loud[0]) * 1000 if len(loud) else None


def _powers(sound: Sound) -> Iterator[float]:
    """Power of each second, of its loudest channel, without a constant offset."""
    position_s, second = 0.0, 0
    sums: list[npt.NDArray[np.float64]] = []
    for rate_hz, block in decoder_for(sound).blocks(sound):
        exact = np.nan_to_num(block.astype(np.float64), posinf=0.0, neginf=0.0)
        sums.append(np.array([np.full(exact.shape[1], len(exact)), exact.sum(axis=0), np.square(exact).sum(axis=0)]))
        position_s += len(block) / rate_hz
        if position_s >= second + 1:
            yield from [_power(sums)] * (int(position_s) - second)
            second, sums = int(position_s), []


def _power(sums: list[npt.NDArray[np.float64]]) -> float:
    """Variance of the loudest channel from ``[[count, sum, sum of squares], channel]`` of blocks."""
    channels = min(part.shape[1] for part in sums)
    count, total, squares = sum((part[:, :channels] for part in sums[1:]), start=sums[0][:, :channels])
    return float(np.max(squares / count - np.square(total / count)))
