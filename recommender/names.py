"""How names are compared, written and shown: foldings, an id for a clip, the words of foreign catalogs."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_TAIL = re.compile(
    r"^(?P<rest>.*\S)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\]|\s[-–—]\s(?P<bare>[^()\[\]]+))$"
)
"""A title and the last thing said beside it: in brackets, or behind a dash."""

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?:19|20)\d\d|\d+(?:st|nd|rd|th)")
"""A year, or which anniversary. Any other number tells recordings apart: "Bonus Track 2" is not the first."""

_LONGEST = 1000
"""Characters of a title in which tails are looked for: longer ones only take time."""

_SAYS_RELEASE = frozenset(
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
"""Each of them alone makes a tail one of releases: a cut or a mastering of the same recording."""

_GOES_ALONG = frozenset(("cut", "digital", "digitally", "edition", "length", "mix", "track", "version"))
"""Words beside those. Alone they prove nothing: a "Version" in reggae is another recording."""


def fold_release(title: str) -> str:
    """Fold a title as a name is folded, less tails such as "(Remastered 2011)", "[Explicit]" or "- Radio Edit".

    A tail goes when each of its words is one of releases, a year or an ordinal, and one says release. "Live",
    "Acoustic", "Remix" and "Demo" are other recordings and stay, and so does the name of whoever made an edit. A title
    that is nothing but a tail is left alone.

    >>> fold_release("Teardrop (2019 Remaster) [Explicit]"), fold_release("Strobe - Radio Edit")
    ('teardrop', 'strobe')
    >>> fold_release("Strobe (Live)"), fold_release("Strobe (Dimension Remix)"), fold_release("(Original Mix)")
    ('strobe (live)', 'strobe (dimension remix)', '(original mix)')
    """
    folded = fold(title)
    if len(folded) > _LONGEST:
        return folded
    while (found := _TAIL.match(folded)) and _is_of_releases(found["round"] or found["square"] or found["bare"] or ""):
        folded = found["rest"]
    return folded


def _is_of_releases(tail: str) -> bool:
    words = [word for word in _WORD.findall(tail) if not _NUMBER.fullmatch(word)]
    return not _SAYS_RELEASE.isdisjoint(words) and _SAYS_RELEASE.union(_GOES_ALONG).issuperset(words)


NAMESPACES = ("mbid", "spotify", "deezer", "discogs")
"""Foreign catalogs that need no introduction: ``mbid:VALUE`` is an id, any other word with a colon is a name."""

_SPACE = re.compile(r"\s+")
_ACUTE, _DIAERESIS = "\u0301", "\u0308"
_YE = "\u0435\u0415"
"""Cyrillic ie, small and capital: the letter under an optional diaeresis."""
_SEPARATORS = re.compile(r"[-_/.'’]+")

_GENRE_ALIASES = {
    "dnb": "drum and bass",
    "d and b": "drum and bass",
    "drum n bass": "drum and bass",
    "r and b": "rhythm and blues",
    "rnb": "rhythm and blues",
    "hiphop": "hip hop",
    "lofi": "lo fi",
    "synthpop": "synth pop",
    "tekno": "techno",
}
"""Spellings that punctuation folding alone does not merge (reference/providers.md 3.2). Never fuzzy: house is not
tech house."""


def fold(name: str) -> str:
    """Fold case, accents, width and spacing away, so that spellings of one name compare equal.

    Accents are dropped from Latin and Greek letters, and from Cyrillic where they are optional in writing (ё, stress).
    Elsewhere a mark makes another letter (ハ and パ, и and й) and stays. Punctuation stays too: ``!!!`` and ``???`` are
    two bands. Runs of white space become one. Empty only for a blank name.

    >>> fold("  Beyoncé ") == fold("BEYONCE")
    True
    >>> fold("ハハ") == fold("パパ"), fold("!!!") == fold("???")
    (False, False)
    """
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


def fold_genre(genre: str) -> str:
    """Fold a genre so that its spellings are one tag; well-known short forms are spelled out.

    >>> fold_genre("Drum & Bass"), fold_genre("dnb"), fold_genre("Hip-Hop")
    ('drum and bass', 'drum and bass', 'hip hop')
    """
    text = fold(genre).replace("&", " and ").replace("+", " and ")
    text = _SPACE.sub(" ", _SEPARATORS.sub(" ", text)).strip()
    return _GENRE_ALIASES.get(text, text)


def clip_id(content_sha256: str, start_ms: int, length_ms: int) -> str:
    """Id of a clip: 32 hex digits over what it holds. A renamed file keeps it; a rebuilt catalog finds it again."""
    text = f"{content_sha256}:{start_ms}:{length_ms}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def printable(text: str) -> str:
    """``text`` with U+FFFD for whatever a terminal would obey: control characters, escapes, marks of direction.

    >>> printable("A\\x1b[2J\\nB")
    'A�[2J�B'
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
