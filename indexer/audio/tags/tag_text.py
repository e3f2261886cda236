"""Cleans the text of tags, repairs text that was read in a wrong encoding, and tells where that cannot be repaired.

Measurements behind the rules: docs/methods.md, "Tags and credits".
"""

from __future__ import annotations

import re
import unicodedata

from ftfy.badness import is_bad

MAX_TEXT = 300
"""Longest artist, title, album or genre that is kept, in characters."""

_BYTE_ORDER_MARK = "\ufeff"
_MARKS = {
    byte: bytes([byte]).decode("cp1252")
    for byte in (0x80, 0x82, 0x84, 0x85, 0x8A, 0x8C, 0x8E, *range(0x91, 0x98), 0x99, 0x9A, 0x9C, 0x9E, 0x9F)
}
"""Control characters of Latin-1 -> the quotes, dashes and letters that cp1252 has in their place."""
_CONTROL = re.compile("[\x80-\x9f]")
_FOREIGN_ENCODINGS = ("cp1251", "mac_roman", "cp437")
"""In which UTF-8 was probably read if the bytes are UTF-8: proof in none of them, because names happen to be."""
_TWO_SCRIPTS = re.compile("[A-Za-z][\u0400-\u045f]|[\u0400-\u045f][A-Za-z]")
"""Latin beside Cyrillic in one word: cp1252 that was read as cp1251, or a name that plays with letters."""
_SIGN_IN_WORD = re.compile("[a-z][\xb3\xb6\xb9\xbc\xbe\xbf][a-z]|\\b[\xa3\xaf][a-z\xf3]|\xaf[a-z]")
"""Polish or Czech in Latin-2 or cp1250 that was read as Latin-1."""
_MIN_FOREIGN = 3
"""Characters of a name that may be UTF-8 in a foreign encoding: one letter is two characters in all of them."""
_CONTROLS_SHARE = 0.25
"""Of the characters: a text in two bytes a letter has more, where its first bytes are controls."""
_MAX_REPAIRS = 3
"""Text may have been read wrongly more than once."""
_MIN_ACCENTED, _ACCENTED_SHARE = 3, 0.6


def clean_text(text: str) -> str:
    """``text`` without control characters and broken surrogates, with single spaces, at most :data:`MAX_TEXT` long.

    >>> clean_text("  Sigur\\x00 Rós\\n")
    'Sigur Rós'
    """
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    return " ".join(plain.replace(_BYTE_ORDER_MARK, "").split())[:MAX_TEXT].rstrip()


def repair_encoding(text: str) -> str:
    """``text``, repaired if it is UTF-8 that was read as Latin-1 or cp1252, or cp1252 read as Latin-1; else unchanged.

    The repair is strict: every character must be one byte of that encoding, and the bytes must be valid UTF-8. No
    name in another language has such bytes by chance. Control characters must still be in
    the text, since they may be bytes of UTF-8.

    >>> repair_encoding("BjÃ¶rk"), repair_encoding("Björk"), repair_encoding("Êèíî")
    ('Björk', 'Björk', 'Êèíî')
    """
    for _ in range(_MAX_REPAIRS):
        repaired = None if text.isascii() else _as_utf8(text)
        if repaired is None:
            break
        text = repaired
    return _as_cp1252(text)


def is_doubtful(text: str) -> bool:
    """Whether ``text`` was probably read in a wrong encoding: it is no proof, so such text is kept and told.

    Control characters must still be in it: no tag means them.

    >>> is_doubtful("Êèíî"), is_doubtful("Sigur Rós"), is_doubtful("Кино")
    (True, False, False)
    """
    if text.isascii():
        return False
    if any(pattern.search(text) for pattern in (_CONTROL, _TWO_SCRIPTS, _SIGN_IN_WORD)):
        return True
    if len(text) >= _MIN_FOREIGN and any(_is_utf8_in(text, encoding) for encoding in _FOREIGN_ENCODINGS):
        return True
    letters = [char for char in text if char.isalpha()]
    accented = sum("\u00c0" <= char <= "\u00ff" for char in letters)
    # Cyrillic and other scripts of one byte a letter, read as Latin-1, are accented letters and little else.
    return (accented >= _MIN_ACCENTED and accented > _ACCENTED_SHARE * len(letters)) or bool(is_bad(text))


def _as_cp1252(text: str) -> str:
    """``text`` with the quotes and letters that cp1252 has where Latin-1 has control characters.

    Unchanged where it has controls that stand for rarer signs, or many of them: then it is probably Japanese.
    """
    controls = [ord(char) for char in _CONTROL.findall(text)]
    few = len(controls) <= _CONTROLS_SHARE * len(text) or not _is_japanese(text)
    return text.translate(_MARKS) if controls and few and _MARKS.keys() >= set(controls) else text


def _is_japanese(text: str) -> bool:
    try:
        text.encode("latin-1").decode("cp932")
    except UnicodeError:
        return False
    return True


def _is_utf8_in(text: str, encoding: str) -> bool:
    """Whether the bytes of ``text`` in ``encoding`` are UTF-8."""
    try:
        return text.encode(encoding).decode("utf-8") != text
    except UnicodeError:
        return False


def _as_utf8(text: str) -> str | None:
    """``text`` with its characters taken as bytes of UTF-8; None where they are none."""
    try:
        repaired = b"".join(map(_one_byte, text)).decode("utf-8")
    except UnicodeError:
        return None
    return repaired if repaired != text else None


def _one_byte(char: str) -> bytes:
    """The byte of ``char`` in cp1252, with Latin-1 for the bytes that cp1252 leaves open, as web browsers do."""
    return char.encode("latin-1") if char <= "\xff" else char.encode("cp1252")
