"""Text of tags: plain, short, and in the encoding it was written in where that is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.audio.tags.tag_text import MAX_TEXT, clean_text, is_doubtful, repair_encoding

NAMES = [
    "Björk",
    "Sigur Rós",
    "Mötley Crüe",
    "Кино",
    "Нервы",
    "坂本龍一",
    "Ólafur Arnalds",
    "Ελλάδα",
    "아이유",
    "’t Hof",
]


@given(st.text(max_size=1000))
def test_cleaned_text_is_plain_short_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    assert len(cleaned) <= MAX_TEXT
    assert cleaned == clean_text(cleaned)
    assert not any(char < " " or char == "\x7f" for char in cleaned)
    assert cleaned == " ".join(cleaned.split())


@pytest.mark.parametrize("name", NAMES)
def test_a_right_name_is_never_changed(name: str) -> None:
    assert repair_encoding(name) == name
    assert not is_doubtful(name)


@pytest.mark.parametrize("name", NAMES)
def test_utf8_that_was_read_as_latin1_is_put_right(name: str) -> None:
    wrong = name.encode().decode("latin-1")
    assert repair_encoding(wrong) == name
    assert repair_encoding(wrong.encode().decode("latin-1")) == name, "read wrongly twice"


@pytest.mark.parametrize("name", NAMES)
def test_utf8_that_was_read_as_cp1252_is_put_right(name: str) -> None:
    wrong = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in name.encode())
    assert repair_encoding(wrong) == name


@pytest.mark.parametrize(
    ("name", "encoding"), [("Кино", "cp1251"), ("Аквариум", "koi8-r"), ("周杰伦", "gbk"), ("坂本龍一", "shift-jis")]
)
def test_other_encodings_are_told_and_left_alone(name: str, encoding: str) -> None:
    wrong = name.encode(encoding).decode("latin-1")
    assert repair_encoding(wrong) == wrong
    assert is_doubtful(wrong)
