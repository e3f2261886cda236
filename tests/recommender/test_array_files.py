"""Columns of text keep every string, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.array_files import TextColumn


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


def test_rows_are_found_by_name_whatever_the_order_and_length() -> None:
    strings = ["b", "", "aa", "坂本", "a", "zzzz", "aa", "Björk", "b" * 40]
    column = TextColumn.of(strings)
    expected = {name: len(strings) - 1 - strings[::-1].index(name) for name in strings}
    assert column.rows_of([*strings, "absent", "ab", "c" * 40]) == {**expected, "": 1}
    assert column.rows_of([]) == {}
    assert TextColumn.of([]).rows_of(["a"]) == {}


def test_among_many_ids_of_one_length_the_right_ones_are_found() -> None:
    ids = [f"{number * 7919:032x}" for number in range(70_000)]
    rows = [0, 1, 65_535, 65_536, 69_999]
    found = TextColumn.of(ids).rows_of([*(ids[row] for row in rows), "f" * 32])
    assert found == {ids[row]: row for row in rows}


@pytest.mark.parametrize(
    ("data", "offsets", "said"),
    [
        (b"ab", [0, 1], "do not fill the bytes"),
        (b"ab", [1, 2], "do not fill the bytes"),
        (b"ab", [], "do not fill the bytes"),
        (b"ab", [0, 5, 1, 2], "ends before it starts"),
        ("é".encode(), [0, 1, 2], "in the middle of a character"),
        (b"\xff", [0, 1], "can't decode"),
    ],
)
def test_a_column_that_cannot_be_read_whole_is_refused(data: bytes, offsets: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TextColumn.checked(np.frombuffer(data, dtype=np.uint8), np.array(offsets, dtype=np.int64))
