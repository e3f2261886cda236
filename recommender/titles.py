"""Titles without the words that say which release of a recording it is, so that releases compare equal. Pure."""

from __future__ import annotations

import re

from recommender.names import fold

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
