"""Memory that two processes see: what is put in is what is seen, as it grows, with memfds and without."""

from __future__ import annotations

import os

import numpy as np
import pytest

from indexer.encoders.processes.shared import SharedSamples


@pytest.fixture(params=["memfd", "file"])
def ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SharedSamples:
    if request.param == "file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif not hasattr(os, "memfd_create"):
        pytest.skip("this system has no memfd_create")
    return SharedSamples.make()


def test_clips_are_seen_on_the_other_side_where_they_were_put(ours: SharedSamples) -> None:
    theirs = SharedSamples(os.dup(ours.descriptor))
    ours.reserve(9)
    ours.put([np.full(2, 1.5, dtype=np.float32), np.full(3, 2.5, dtype=np.float32)], offset=4)
    theirs.map(ours.size)
    assert [clip.tolist() for clip in theirs.views([2, 3], offset=4)] == [[1.5, 1.5], [2.5, 2.5, 2.5]]
    assert theirs.views([4], offset=0)[0].tolist() == [0, 0, 0, 0]
    ours.close()
    theirs.close()


def test_it_grows_and_never_shrinks_and_an_older_view_stays_good(ours: SharedSamples) -> None:
    ours.reserve(2)
    (before,) = ours.views([2], offset=0)
    ours.reserve(1000)
    ours.reserve(3)
    assert ours.size == 4000
    ours.put([np.array([7, 8], dtype=np.float32)], offset=0)
    assert before.tolist() == [7, 8]
    ours.close()


def test_there_is_nothing_to_see_before_there_is_room(ours: SharedSamples) -> None:
    with pytest.raises(BufferError):
        ours.views([1], offset=0)
    ours.close()
