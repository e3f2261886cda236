"""The memory of an import: it knows every key again, however many rows came between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.ingest import seen_rows
from indexer.ingest.seen_rows import SeenRows

HASHES = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)


@given(st.lists(st.tuples(HASHES, HASHES), max_size=200), st.integers(1, 20))
def test_it_answers_as_a_dict_does(rows: list[tuple[int, int]], recent: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_rows, "_RECENT", recent)
        remembered, first = SeenRows(), dict[int, tuple[int, int]]()
        for line, (key, content) in enumerate(rows):
            assert remembered.add(key, content, line=line) == first.get(key)
            first.setdefault(key, (content, line))
