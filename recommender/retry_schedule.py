"""When a file or clip whose failure may be the machine's fault is tried again: after 1, 3 and 9 runs, then never.

The catalog keeps two numbers for each such file or clip: ``losses``, the failures of this kind in a row, and
``skip_runs``, the runs that still skip it. Each run that skips it reduces ``skip_runs`` by one. A file that fails
in run 1 is tried again in the runs 2, 5 and 14; if it fails there too it is quarantined until it changes. See
docs/methods.md, "Retry schedule".
"""

from __future__ import annotations

DECODER_LOST = frozenset({"decoder_crashed", "decoder_timeout", "decoder_memory"})
"""Rejection reasons of files that crashed a decoder process, exceeded its time or exceeded its memory."""

POISON = DECODER_LOST | {"encoder_failed", "encoder_memory"}
"""Reasons that are retried: lost decoders, and clips on which the encoder failed unexpectedly or ran out of memory."""

RETRY_AFTER_RUNS = (1, 3, 9)
"""Runs from each loss to the next try. The gaps grow, because each try of a file that always fails costs a process."""


def count_losses(before: int, reason: str) -> int:
    """Losses in a row after a try failed for ``reason``. A reason that is not retried resets the count to 0.

    >>> count_losses(2, "decoder_crashed"), count_losses(2, "silent")
    (3, 0)
    """
    return before + 1 if reason in POISON else 0


def skip_after(losses: int) -> int:
    """Runs that skip a file after its ``losses``-th loss, before it is tried again; 0 when it is never tried again.

    >>> [skip_after(losses) for losses in (0, 1, 2, 3, 4)]
    [0, 0, 2, 8, 0]
    """
    return RETRY_AFTER_RUNS[losses - 1] - 1 if 0 < losses <= len(RETRY_AFTER_RUNS) else 0


def is_due(reason: str | None, losses: int, skip_runs: int) -> bool:
    """Whether the next run tries a file that was rejected for ``reason`` again without being asked to.

    >>> is_due("decoder_timeout", 2, 1), is_due("decoder_timeout", 2, 0), is_due("silent", 0, 0)
    (False, True, False)
    """
    return reason in POISON and skip_runs == 0 and not is_quarantined(losses)


def is_quarantined(losses: int) -> bool:
    """Whether a file or clip has failed too often to be tried again.

    >>> is_quarantined(3), is_quarantined(4)
    (False, True)
    """
    return losses > len(RETRY_AFTER_RUNS)
