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
    "name", ["Guns N’ Roses", "“Weird Al” Yankovic", "’68", "It’s Immaterial", "Œil – Noir", "“A”"]
)
def test_quotes_and_letters_of_cp1252_that_were_read_as_latin1_are_put_right(name: str) -> None:
    wrong = name.encode("cp1252").decode("latin-1")
    assert repair_encoding(wrong) == name
    assert not is_doubtful(name)


@pytest.mark.parametrize(
    "wrong",
    [
        *("Björk".encode().decode(encoding) for encoding in ("cp1251", "mac_roman", "cp437")),
        "Кино".encode().decode("cp1251"),
        "Sigur Rós".encode("cp1252").decode("cp1251"),
        "Żywiołak".encode("cp1250").decode("latin-1"),
    ],
)
def test_what_is_probably_wrong_but_not_certain_is_told(wrong: str) -> None:
    assert repair_encoding(wrong) == wrong
    assert is_doubtful(wrong)


@pytest.mark.parametrize("name", ["Её", "Ñu", "MØ", "Їжак", "Агата Кристи", "Łódź", "Кино feat. Björk", "Café ½"])
def test_names_with_rare_letters_are_not_told(name: str) -> None:
    assert not is_doubtful(name)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Кино", "cp1251"),
        ("Аквариум", "koi8-r"),
        ("周杰伦", "gbk"),
        ("坂本龍一", "shift-jis"),
        ("宇多田ヒカル", "shift-jis"),
        ("周杰倫", "shift-jis"),
        ("아이유", "euc-kr"),
    ],
)
def test_other_encodings_are_told_and_left_alone(name: str, encoding: str) -> None:
    wrong = name.encode(encoding).decode("latin-1")
    assert repair_encoding(wrong) == wrong
    assert is_doubtful(wrong)
