"""How names are compared: one folding for artists and titles, one for genres, one id for a clip."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_SPACE = re.compile(r"\s+")
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

    NFKD, combining marks dropped, case folded, runs of white space made one. Punctuation stays: ``!!!`` and ``???``
    are two bands. The result may be empty only for a blank name.

    >>> fold("  Beyoncé ") == fold("BEYONCE")
    True
    >>> fold("!!!") == fold("???")
    False
    """
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _SPACE.sub(" ", bare.casefold()).strip()


def fold_genre(genre: str) -> str:
    """Fold a genre so that its spellings are one tag; well-known short forms are spelled out.

    >>> fold_genre("Drum & Bass"), fold_genre("dnb"), fold_genre("Hip-Hop")
    ('drum and bass', 'drum and bass', 'hip hop')
    """
    text = fold(genre).replace("&", " and ").replace("+", " and ")
    text = _SPACE.sub(" ", _SEPARATORS.sub(" ", text)).strip()
    return _GENRE_ALIASES.get(text, text)


def clip_id(content_sha256: str, start_ms: int, length_ms: int) -> str:
    """Id of a clip: 32 hex digits over what it holds. A renamed file keeps it; a rebuilt catalogue finds it again."""
    text = f"{content_sha256}:{start_ms}:{length_ms}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
