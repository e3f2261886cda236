"""How much of a clip the network hears at once: all of it, or chunks, to compare with those who cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.errors import InvalidArgument
from recommender.types import ClipEmbeddings, Waveform

_CHUNKED = re.compile(r"chunked:(\d{1,3}(?:\.\d)?)")
_SHORTEST_S = 1.0
"""A last chunk shorter than this is left out: too short to say anything, and it would count as much as the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The whole clip, or chunks of ``chunk_s`` seconds whose embeddings are averaged."""

    chunk_s: float | None = None

    @property
    def name(self) -> str:
        """As :func:`read_context` reads it."""
        return "full" if self.chunk_s is None else f"chunked:{self.chunk_s:g}"

    def pieces(self, clip: Waveform, sample_rate_hz: int) -> list[Waveform]:
        """What the network is given of ``clip``, in order; together all of it but for a last second at most."""
        if self.chunk_s is None:
            return [clip]
        size = round(self.chunk_s * sample_rate_hz)
        cut = [clip[start : start + size] for start in range(0, len(clip), size)]
        return [piece for piece in cut if len(piece) >= _SHORTEST_S * sample_rate_hz] or [clip]


FULL = Context()


def read_context(text: str) -> Context:
    """The context that ``text`` names: ``full``, or ``chunked:10`` for chunks of ten seconds.

    Raises InvalidArgument.

    >>> read_context("chunked:10").chunk_s
    10.0
    """
    if text == "full":
        return FULL
    match = _CHUNKED.fullmatch(text)
    if match is None or not float(match[1]) >= _SHORTEST_S:
        raise InvalidArgument("context", f"{text!r} is neither full nor chunked:SECONDS of {_SHORTEST_S:g} s or more")
    return Context(chunk_s=float(match[1]))


def average_pieces(embedded: ClipEmbeddings, counts: Sequence[int]) -> ClipEmbeddings:
    """``[piece, layer, dim]`` -> ``[clip, layer, dim]``: the plain mean of each clip's ``counts[i]`` pieces."""
    ends = np.cumsum(counts)
    bounds = zip(ends - np.asarray(counts), ends, strict=True)
    means = [embedded[start:end].mean(axis=0, dtype=np.float64) for start, end in bounds]
    return np.asarray(means, dtype=np.float32)
