"""Each drum sounds where it should and has died away by its end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from indexer.demo.synth import drums
from indexer.demo.synth.oscillators import Sound

RATE = 32_000

DRUMS: dict[str, Callable[[drums.Kit], Sound]] = {
    "kick": lambda kit: drums.kick(kit, end_hz=50.0, punch=5.0, decay_s=0.1),
    "snare": lambda kit: drums.snare(kit, tone_hz=200.0, decay_s=0.08),
    "clap": lambda kit: drums.clap(kit, decay_s=0.08),
    "hat": lambda kit: drums.hat(kit, decay_s=0.03),
    "ride": lambda kit: drums.ride(kit, decay_s=0.3),
    "rim": lambda kit: drums.rim(kit, tone_hz=1200.0),
    "shaker": lambda kit: drums.shaker(kit, decay_s=0.04),
    "brush": drums.brush,
}


def _kit() -> drums.Kit:
    return drums.Kit(source=np.random.default_rng(1), rate=RATE)


def _share(sound: Sound, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


@pytest.mark.parametrize("name", DRUMS)
def test_a_drum_is_loud_enough_to_hear_and_over_at_its_end(name: str) -> None:
    sound = DRUMS[name](_kit())
    peak = np.abs(sound).max()
    assert 0.2 < peak < 4.0
    assert np.abs(sound[-100:]).max() < 0.05 * peak


def test_a_kick_is_low_and_a_hat_is_high() -> None:
    assert _share(DRUMS["kick"](_kit()), 20, 200) > 0.85
    assert _share(DRUMS["hat"](_kit()), 5000, 16_000) > 0.85


def test_a_snare_has_both_its_skin_and_its_wires() -> None:
    snare = DRUMS["snare"](_kit())
    assert _share(snare, 150, 400) > 0.1
    assert _share(snare, 1500, 16_000) > 0.1


def test_a_clap_is_several_bursts_eleven_milliseconds_apart() -> None:
    clap = np.abs(DRUMS["clap"](_kit()))
    before, after = clap[int(0.0085 * RATE) : int(0.0105 * RATE)], clap[int(0.0115 * RATE) : int(0.0135 * RATE)]
    assert after.mean() > 2 * before.mean()
