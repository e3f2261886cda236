"""How names and titles are compared, how clip ids are made, and how text is printed safely."""

from __future__ import annotations

import hashlib
import re
import unicodedata

NAMESPACES = ("mbid", "spotify", "deezer", "discogs")
"""Foreign catalogs whose ids may be given as ``NAMESPACE:VALUE``. Any other text with a colon is read as a name."""

_SPACE = re.compile(r"\s+")

_ACUTE, _DIAERESIS = "\u0301", "\u0308"
_YE = "\u0435\u0415"
"""Cyrillic ie, small and capital: the letter of ё without its diaeresis."""

_TITLE_SUFFIX = re.compile(
    r"^(?P<rest>.*\S)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\]|\s[-–—]\s(?P<bare>[^()\[\]]+))$"
)
"""A title and its last suffix: in brackets, or after a dash."""

_WORD = re.compile(r"\w+")
_YEAR_OR_ORDINAL = re.compile(r"(?:19|20)\d\d|\d+(?:st|nd|rd|th)")
"""Any other number distinguishes recordings: "Bonus Track 2" is not "Bonus Track"."""

_MAX_SUFFIX_TITLE = 1000
"""Characters of the longest title whose suffixes are examined: the time of the pattern grows with the length."""

_RELEASE_WORDS = frozenset(
    (
        "album",
        "anniversary",
        "bonus",
        "clean",
        "deluxe",
        "edit",
        "expanded",
        "explicit",
        "extended",
        "mono",
        "original",
        "radio",
        "remaster",
        "remastered",
        "single",
        "stereo",
    )
)
"""One of these words makes a suffix the name of a release: a cut or a mastering of the same recording."""

_NEUTRAL_WORDS = frozenset(("cut", "digital", "digitally", "edition", "length", "mix", "track", "version"))
"""Words allowed beside release words. Alone they prove nothing: in reggae a "Version" is another recording."""


def fold(name: str) -> str:
    """Remove differences of case, accents, width and spacing, so that spellings of one name compare equal.

    Accents are removed from Latin and Greek letters, and from Cyrillic letters where they are optional in writing (ё,
    stress marks). Elsewhere a mark makes another letter (ハ and パ, и and й) and stays. Punctuation stays too: ``!!!``
    and ``???`` are two bands. A run of white space becomes one space. Only a blank name gives the empty string.

    >>> fold("  Beyoncé ") == fold("BEYONCE")
    True
    >>> fold("ハハ") == fold("パパ"), fold("!!!") == fold("???")
    (False, False)
    """
    # NFKD separates each letter from its marks, so that a mark can be removed by the script of its letter; NFKC joins
    # the marks that stay.
    kept: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFKD", name):
        if unicodedata.combining(char) and _is_optional(char, base):
            continue
        base = base if unicodedata.combining(char) else char
        kept.append(char)
    bare = unicodedata.normalize("NFKC", "".join(kept).casefold())
    return _SPACE.sub(" ", bare).strip()


def _is_optional(mark: str, base: str) -> bool:
    script = unicodedata.name(base, "").partition(" ")[0] if base else ""
    if script == "CYRILLIC":
        return mark == _ACUTE or (mark == _DIAERESIS and base in _YE)
    return script in ("LATIN", "GREEK")


def fold_release(title: str) -> str:
    """Fold a title like a name, and remove suffixes such as "(Remastered 2011)", "[Explicit]" or "- Radio Edit".

    A suffix is removed when it has a release word and every other word is a release word, a neutral word, a year or an
    ordinal. "Live", "Acoustic", "Remix" and "Demo" mean another recording and stay; so does an editor's name. A title
    that consists of a suffix alone is not changed.

    >>> fold_release("Teardrop (2019 Remaster) [Explicit]"), fold_release("Strobe - Radio Edit")
    ('teardrop', 'strobe')
    >>> fold_release("Strobe (Live)"), fold_release("Strobe (Dimension Remix)"), fold_release("(Original Mix)")
    ('strobe (live)', 'strobe (dimension remix)', '(original mix)')
    """
    folded = fold(title)
    if len(folded) > _MAX_SUFFIX_TITLE:
        return folded
    while (match := _TITLE_SUFFIX.match(folded)) and _names_release(
        match["round"] or match["square"] or match["bare"] or ""
    ):
        folded = match["rest"]
    return folded


def _names_release(suffix: str) -> bool:
    words = [word for word in _WORD.findall(suffix) if not _YEAR_OR_ORDINAL.fullmatch(word)]
    return not _RELEASE_WORDS.isdisjoint(words) and _RELEASE_WORDS.union(_NEUTRAL_WORDS).issuperset(words)


def clip_id(content_sha256: str, start_ms: int, length_ms: int) -> str:
    """Id of a clip: 32 hex digits, a hash of the file's content and the excerpt's start and length.

    It does not depend on the path: a renamed file keeps its clip, and a rebuilt catalog gives the same ids, so that
    stored embeddings are found again.
    """
    text = f"{content_sha256}:{start_ms}:{length_ms}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def printable(text: str) -> str:
    """``text`` with U+FFFD in place of characters that a terminal would obey: control, escape and direction marks.

    >>> printable("A\\x1b[2J\\nB")
    'A�[2J�B'
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
