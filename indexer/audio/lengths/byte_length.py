"""The length of a sound as its bytes give it, and how it is weighed against what a header or a decoder says."""

from __future__ import annotations

from dataclasses import dataclass

AGREEMENT_S = 0.05
"""Two lengths that differ by no more are the same: codecs work in blocks, and encoders add some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteLength:
    """The length of the sound that the bytes of a file hold."""

    duration_s: float
    sample_rate_hz: int
    """Of the first frame."""
    is_cut: bool = False
    """Whether the file ends inside a frame and its header promises more: the rest was lost, the header is right."""
    changes: bool = False
    """Whether the sample rate or the channels change midway."""
    has_no_header: bool = False
    """Whether no header counts the sound, so that a decoder's number is an estimate."""

    def settle(self, header_s: float) -> float:
        """The length in seconds, where a header or a decoder says ``header_s``.

        The header's number stays where both agree within :data:`AGREEMENT_S`, so that a clip keeps the excerpt it had,
        and where the file was cut: what is missing is found when the excerpt is decoded.
        """
        if not self.is_cut and abs(self.duration_s - header_s) > AGREEMENT_S:
            return self.duration_s
        return min(header_s, self.duration_s) if self.has_no_header else header_s

    def exceeds(self, header_s: float) -> bool:
        """Whether the bytes hold more sound than a decoder that says ``header_s`` would give."""
        return self.changes or (not self.is_cut and self.duration_s > header_s + AGREEMENT_S)
