"""Contexts: the whole clip, or chunks of it."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.mert.batches import average_pieces, read_context
from recommender.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "seconds", "lengths"),
    [
        ("full", 30.0, [3000]),
        ("chunked:10", 30.0, [1000, 1000, 1000]),
        ("chunked:10", 25.0, [1000, 1000, 500]),
        ("chunked:10", 20.5, [1000, 1000]),
        ("chunked:10", 7.0, [700]),
        ("chunked:2.5", 6.0, [250, 250, 100]),
    ],
)
def test_a_clip_is_cut_in_order_and_a_crumb_is_left_out(text: str, seconds: float, lengths: list[int]) -> None:
    clip = np.arange(seconds * 100, dtype=np.float32)
    pieces = read_context(text).pieces(clip, 100)
    assert [len(piece) for piece in pieces] == lengths
    np.testing.assert_array_equal(np.concatenate(pieces), clip[: sum(lengths)])


@pytest.mark.parametrize("text", ["", "chunked", "chunked:", "chunked:0", "chunked:0.5", "chunked:-3", "full:10"])
def test_what_is_no_context_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="context"):
        read_context(text)


@pytest.mark.parametrize("text", ["full", "chunked:10", "chunked:2.5"])
def test_a_context_is_called_what_it_was_read_from(text: str) -> None:
    assert read_context(text).name == text


def test_pieces_are_averaged_clip_by_clip() -> None:
    embedded = np.array([1, 3, 10, 5, 6, 7], dtype=np.float32)[:, None, None]
    np.testing.assert_array_equal(average_pieces(embedded, [2, 1, 3])[:, 0, 0], [2, 10, 6])
