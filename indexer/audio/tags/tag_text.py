"""Cleans the text of tags, repairs text that was read in a wrong encoding, and tells where that cannot be repaired.

Measurements behind the rules: docs/methods.md, "Tags and credits".
"""

from __future__ import annotations

import unicodedata

from ftfy.badness import is_bad

MAX_TEXT = 300
"""Longest artist, title, album or genre that is kept, in characters."""

_BYTE_ORDER_MARK = "\ufeff"
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
    """``text``, repaired if it is UTF-8 that was read as Latin-1 or cp1252; else unchanged.

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
    return text


def is_doubtful(text: str) -> bool:
    """Whether ``text`` was probably read in a wrong encoding: it is no proof, so such text is kept and told.

    >>> is_doubtful("Êèíî"), is_doubtful("Sigur Rós"), is_doubtful("Кино")
    (True, False, False)
    """
    if text.isascii():
        return False
    letters = [char for char in text if char.isalpha()]
    accented = sum("\u00c0" <= char <= "\u00ff" for char in letters)
    # Cyrillic and other scripts of one byte a letter, read as Latin-1, are accented letters and little else.
    return (accented >= _MIN_ACCENTED and accented > _ACCENTED_SHARE * len(letters)) or bool(is_bad(text))


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
