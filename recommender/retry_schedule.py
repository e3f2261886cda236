"""How often what may be the machine's fault is tried again: in the 1st, the 3rd and the 9th run after, then never.

The books keep two numbers for such a file or clip: ``losses``, how often in a row it ended so, and ``skip_runs``, how
many runs still pass it over. A run that passes it over counts one down. Failing in run 1, it is tried in the runs 2,
5 and 14, and is then in quarantine until it changes.
"""

from __future__ import annotations

DECODER_LOST = frozenset({"decoder_crashed", "decoder_timeout", "decoder_memory"})
"""Reasons of files that killed a decoder, hung it or had it eat its memory."""

POISON = DECODER_LOST | {"encoder_failed", "encoder_memory"}
"""Those, and the reasons of clips that the encoder gave up without knowing why, or for want of memory."""

TRIED_AGAIN_AFTER = (1, 3, 9)
"""Runs from each loss to the next try (reference/reliability.md, A9)."""


def count_losses(before: int, reason: str) -> int:
    """Losses in a row, once a try has failed for ``reason``; any other reason ends the row.

    >>> count_losses(2, "decoder_crashed"), count_losses(2, "silent")
    (3, 0)
    """
    return before + 1 if reason in POISON else 0


def skip_after(losses: int) -> int:
    """Runs that pass a file over after its ``losses``-th loss, before it is tried again; 0 where it never is.

    >>> [skip_after(losses) for losses in (0, 1, 2, 3, 4)]
    [0, 0, 2, 8, 0]
    """
    return TRIED_AGAIN_AFTER[losses - 1] - 1 if 0 < losses <= len(TRIED_AGAIN_AFTER) else 0


def is_due(reason: str | None, losses: int, skip_runs: int) -> bool:
    """Whether the next run tries a file that was rejected for ``reason`` again by itself.

    >>> is_due("decoder_timeout", 2, 1), is_due("decoder_timeout", 2, 0), is_due("silent", 0, 0)
    (False, True, False)
    """
    return reason in POISON and skip_runs == 0 and not is_quarantined(losses)


def is_quarantined(losses: int) -> bool:
    """Whether a file or clip has failed so often that no run tries it again.

    >>> is_quarantined(3), is_quarantined(4)
    (False, True)
    """
    return losses > len(TRIED_AGAIN_AFTER)
