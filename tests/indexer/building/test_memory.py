"""Freed memory goes back, and the search for cycles is on again afterwards, or stays off."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import numpy as np
import pytest

from indexer.build.averages import give_back, without_collecting


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_freed_memory_is_given_back() -> None:
    kept = [np.ones(1_000) for _ in range(20_000)]  # 160 MB in pieces that the C library keeps when they are freed
    kept = kept[-1:]  # and the last one keeps it from cutting off the end
    before = resident_mb()
    give_back()
    assert len(kept) == 1
    assert resident_mb() < before - 50


def test_cycles_are_looked_for_again_afterwards_even_after_an_error() -> None:
    on_in_between = []

    def fail() -> None:
        with without_collecting():
            on_in_between.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (on_in_between, gc.isenabled()) == ([False], True)


def test_where_they_were_not_looked_for_they_still_are_not() -> None:
    gc.disable()
    try:
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
