"""How genres are compared: the spellings of one genre fold to one tag."""

from __future__ import annotations

import re

from recommender.names import fold

_SPACE = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"[-_/.'’]+")

_ALIASES = {
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
"""Genre spellings that folding of punctuation alone does not merge. Exact matches only: a fuzzy match would merge
"house" and "tech house"."""


def fold_genre(genre: str) -> str:
    """Fold a genre so that its spellings give one tag. Well-known short forms are spelled out.

    >>> fold_genre("Drum & Bass"), fold_genre("dnb"), fold_genre("Hip-Hop")
    ('drum and bass', 'drum and bass', 'hip hop')
    """
    text = fold(genre).replace("&", " and ").replace("+", " and ")
    text = _SPACE.sub(" ", _PUNCTUATION.sub(" ", text)).strip()
    return _ALIASES.get(text, text)
