"""How names and titles are cleaned and compared, how clip ids are made, and how text is printed safely."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from recommender.errors import BadInput

NAMESPACES = ("mbid", "spotify", "deezer", "discogs")
"""Foreign catalogs whose ids may be given as ``NAMESPACE:VALUE``. Any other text with a colon is read as a name."""

_SPACE = re.compile(r"\s+")

MAX_BYTES = 2000
"""Bytes of a name or title in UTF-8, both as given and folded. PostgreSQL can index at most 2704 bytes of a row."""

_REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})
"""Unicode categories: control characters, which PostgreSQL or a terminal cannot take, and lone surrogates."""

_SHAPELESS = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Soft hyphen, zero width space, word joiner, byte order mark, direction marks and the like."""


def _ranges(chars: Iterable[int]) -> str:
    return "".join(map(re.escape, map(chr, chars)))


_FILLERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
"""Characters of other categories that show nothing: the grapheme joiner, and the fillers of Hangul and Khmer."""
_INVISIBLE = re.compile(
    "[\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors and tags
    + _ranges(_FILLERS)
    + _ranges(code for code in range(0x20000) if unicodedata.category(chr(code)) == "Cf")
    + "]"
)
"""Every character without a visible shape: category Cf, fillers, variation selectors."""

_SINGLE_QUOTES = (
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u02b9\u2018\u2019\u201a"
    "\u201b\u2032\u2035\u2039\u203a\u275b\u275c\u275f\uff07\ua78c"
)
_DOUBLE_QUOTES = (
    '"\u02ba\u02dd\u02ee\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u275d\u275e\u2760\u2e42'
    "\u301d\u301e\u301f\uff02\u300c\u300d\u300e\u300f\ufe41\ufe42\ufe43\ufe44\uff62\uff63"
)
_HYPHENS = "\u02d7\u2043\u2212\u2796"
"""Dashes outside the category Pd, which has all others."""
_TILDES = "\u301c\u3030\uff5e"
"""The wave dash and the full-width tilde: Japanese encodings turn one into the other."""
_MARKS = {
    **{code: "-" for code in range(0x11000) if unicodedata.category(chr(code)) == "Pd"},
    **dict.fromkeys(map(ord, _HYPHENS), "-"),
    **dict.fromkeys(map(ord, _TILDES), "~"),
    **dict.fromkeys(map(ord, _SINGLE_QUOTES), "'"),
    **dict.fromkeys(map(ord, _DOUBLE_QUOTES), '"'),
}
"""Code point of a quote or dash -> the character on a keyboard that stands for it."""
_ASCII_MARKS = {ord("`"): "'"}

_STROKES = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h", "ŧ": "t"}
)
"""Latin letters that Unicode does not take apart. ß is "ss" by case folding already."""
_MIN_STROKE_LETTERS = 3
"""Letters of a name whose strokes are removed. In shorter ones the stroke is all that tells two names apart."""

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
    """Remove differences that spellings of one name have, so that they compare equal.

    These are case, accents, width, spacing, quotes and hyphens of every sort, invisible characters, and the strokes and
    ligatures of Latin letters (ø æ œ ł đ ß þ and the dotless i). Accents are removed from Latin and Greek letters, and
    from Cyrillic letters where they are optional in writing (ё, stress marks). Elsewhere a mark makes another letter
    (ハ and パ, и and й) and stays. Other punctuation stays too: ``!!!`` and ``???`` are two bands; so do "The" and "&".
    Strokes stay in names of fewer than three letters: ``MØ`` is not ``Mo``. A name of invisible characters only keeps
    them, so that only a blank name gives the empty string.

    >>> fold("  Beyoncé ") == fold("BEYONCE"), fold("Sigur\u200b Rós\ufeff"), fold("Røyksopp’s A–Side")
    (True, 'sigur ros', "royksopp's a-side")
    >>> fold("ハハ") == fold("パパ"), fold("!!!") == fold("???"), fold("MØ") == fold("Mo")
    (False, False, False)
    """
    return _without_strokes(_folded(name))


def _folded(name: str) -> str:
    """``name`` folded in all but its strokes."""
    if name.isascii():
        return " ".join(name.translate(_ASCII_MARKS).casefold().split())
    return _normal(_INVISIBLE.sub("", name)) or _normal(name)


def _without_strokes(folded: str) -> str:
    if folded.isascii() or sum(map(str.isalpha, folded)) < _MIN_STROKE_LETTERS:
        return folded
    return folded.translate(_STROKES)


def _normal(name: str) -> str:
    """``name`` without optional marks, in lower case, with one kind of quote, hyphen and space."""
    # NFKD separates each letter from its marks, so that a mark can be removed by the script of its letter; NFKC joins
    # the marks that stay. Quotes come first, as NFKD takes some apart (U+00B4).
    kept: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFKD", name.translate(_MARKS)):
        if unicodedata.combining(char) and _is_optional(char, base):
            continue
        base = base if unicodedata.combining(char) else char
        kept.append(char)
    bare = unicodedata.normalize("NFKC", "".join(kept).casefold()).translate(_MARKS)
    return _SPACE.sub(" ", bare).strip()


def _is_optional(mark: str, base: str) -> bool:
    script = unicodedata.name(base, "").partition(" ")[0] if base else ""
    if script == "CYRILLIC":
        return mark == _ACUTE or (mark == _DIAERESIS and base in _YE)
    return script in ("LATIN", "GREEK")


def drop_shapeless(text: str) -> str:
    """``text`` without soft hyphens, zero width spaces, byte order marks and direction marks."""
    return _SHAPELESS.sub("", text)


def clean(text: str, *, what: str, max_bytes: int = MAX_BYTES) -> str:
    """``text`` as it is stored and shown: NFC, single spaces, no space at the ends. The result may be empty.

    Names in imports, files and questions are all cleaned by this. Marks without a shape of their own go (zero width
    space, soft hyphen, byte order and direction marks); joiners and variation selectors stay, as they change the shape
    of the letters and emoji beside them.

    Raises BadInput ``bad_text`` for control characters (NUL, escape sequences), lone surrogates and excess length.
    """
    if text.isascii() and text.isprintable() and len(text) <= max_bytes:
        return " ".join(text.split())  # the fast path of most names
    spaced = _SPACE.sub(" ", drop_shapeless(text)).strip()
    bad = next((char for char in spaced if unicodedata.category(char) in _REFUSED_CATEGORIES), None)
    if bad is not None:
        raise BadInput("bad_text", f"the {what} has the character U+{ord(bad):04X}; remove it")
    composed = unicodedata.normalize("NFC", spaced)
    longest = max(len(composed.encode()), len(fold(composed).encode()))
    if longest > max_bytes:
        raise BadInput("bad_text", f"the {what} is {longest} bytes long; at most {max_bytes} are kept")
    return composed


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
    folded = _folded(title)
    if len(folded) > _MAX_SUFFIX_TITLE:
        return _without_strokes(folded)
    # Strokes go last, because it is the title without its suffixes that may be too short for it.
    while (match := _TITLE_SUFFIX.match(folded)) and _names_release(
        match["round"] or match["square"] or match["bare"] or ""
    ):
        folded = match["rest"]
    return _without_strokes(folded)


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
