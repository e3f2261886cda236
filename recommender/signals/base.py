"""What a signal is: one opinion on how alike artists are, which may have nothing to say."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.types import Rows, SignalName, Similarities


class Signal(Protocol):
    """One opinion. It sees arrays of one generation and nothing else, so removing it changes no other signal.

    For every pair: symmetric, ``value`` in [0, 1], NaN where the signal has no opinion, and 1 for an artist it knows
    with itself.
    """

    @property
    def name(self) -> SignalName:
        """Which of the four."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """``[artist]``: the signal has data on this artist. It may still have no opinion on a given pair."""

    def raw(self, row: int, rows: Rows | None = None) -> Similarities:
        """The signal's own measure of artist ``row`` with every artist, or those at ``rows``; NaN is "no opinion".

        The same to the bit whichever artists are asked for; for few it costs no more than they do.
        """

    def value(self, raw: Similarities) -> Similarities:
        """Calibrate raw measures to comparable similarities in [0, 1]; monotone; NaN stays NaN."""
