"""Columns of text keep every string, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.columns import TextColumn


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_a_column_holds_what_went_in(strings: list[str]) -> None:
    column = TextColumn.of(strings)
    assert list(column) == strings
    assert column[1:3] == strings[1:3]


@pytest.mark.parametrize("strings", [[], [""], ["a", "", "Ünï"], ["long " * 2000, "x"]])
def test_a_column_survives_the_disk(tmp_path: Path, strings: list[str]) -> None:
    TextColumn.of(strings).save(tmp_path, "names")
    assert list(TextColumn.load(tmp_path, "names")) == strings


@pytest.mark.parametrize("row", [-1, 2, 100])
def test_a_row_that_is_not_there_is_an_error_and_never_another_row(row: int) -> None:
    with pytest.raises(IndexError):
        TextColumn.of(["a", "b"])[row]
