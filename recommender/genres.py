"""How genres are read and compared: one rule for tags, tracklists and imports.

Several genres in one text are cut apart, numbers of ID3 get their names, words that say nothing are left out, and the
spellings of one genre fold to one tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from recommender.names import fold

MAX_GENRES = 100
"""Genres that are kept of one file, row or artist."""
MAX_GENRE_BYTES = 200
"""A longer text is no genre."""

_SPACE = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"[-_/.'’]+")

_ALIASES = {
    "dnb": "drum and bass",
    "d and b": "drum and bass",
    "drum n bass": "drum and bass",
    "r and b": "rhythm and blues",
    "r n b": "rhythm and blues",
    "rnb": "rhythm and blues",
    "folk, world and country": "folk, world, and country",
    "hiphop": "hip hop",
    "rock n roll": "rock and roll",
    "lofi": "lo fi",
    "synthpop": "synth pop",
    "tekno": "techno",
}
"""Genre spellings that folding of punctuation alone does not merge. Exact matches only: a fuzzy match would merge
"house" and "tech house"."""


_WHOLE = (r"folk\s*,\s*world\s*,?\s*(?:&|and)\s*country", r"singer\s*/\s*songwriter", r"n\s*/\s*a")
"""Names that contain a separator, as patterns."""
_PART = re.compile(
    rf"(?:(?<!\w)(?:{'|'.join(_WHOLE)})(?!\w)|[^;|,/\\\0\n\t•·、\uff0c\uff1b\uff0f\uff5c\uff3c])+", re.IGNORECASE
)
"""One genre of several: up to the next separator that is not inside a whole name."""

_NUMBERS = re.compile(r"\s*(?:\(\s*(?:\d{1,4}|RX|CR)\s*\)\s*)+")
"""Numbers of ID3v2.3 in front of a genre: "(17)", "(4)Eurodisco"; RX and CR are remix and cover, which are none."""
_AROUND = {"(": ")", "[": "]", "<": ">", '"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}
_DIGITS = re.compile(r"\d{1,4}")
_NO_WORD = re.compile(r"[\W_]*")

_NOTHING_LATIN = (
    "all|audio|blank|default|general|genre|genre unknown|genres|misc|miscellaneous|music|n a|na|nil|no genre|none|"
    "not available|not specified|null|other|other genre|others|unclassifiable|unclassified|undefined|unknown|"
    "unknown genre|unspecified|untagged|va|various|various genres|"
    "altro|andere|autre|autres|desconocido|inconnu|otro|otros|sonstige|sonstiges|unbekannt"
)
_NOTHING_OTHER = (
    "неизвестно|неизвестный|прочее|другое|другой|разное|інше|その他|不明|未知|其他|其它|其他類型|기타|알 수 없음|"
    "annet|andet|övrigt|okand|muu|inne|inny|nieznany|ostatni|jine|egyeb|diger|bilinmiyor|altele|outro|outros|άλλο|άγνωστο"
)
_NOTHING = frozenset(fold(name) for name in f"{_NOTHING_LATIN}|{_NOTHING_OTHER}".split("|"))
"""Folded genres that say nothing: as shared genres they would make kin of everybody."""

_NAMES_BY_NUMBER = (
    "Blues|Classic Rock|Country|Dance|Disco|Funk|Grunge|Hip-Hop|Jazz|Metal|New Age|Oldies|Other|Pop|R&B|Rap|"
    "Reggae|Rock|Techno|Industrial|Alternative|Ska|Death Metal|Pranks|Soundtrack|Euro-Techno|Ambient|Trip-Hop|"
    "Vocal|Jazz+Funk|Fusion|Trance|Classical|Instrumental|Acid|House|Game|Sound Clip|Gospel|Noise|Alt. Rock|Bass|"
    "Soul|Punk|Space|Meditative|Instrumental Pop|Instrumental Rock|Ethnic|Gothic|Darkwave|Techno-Industrial|"
    "Electronic|Pop-Folk|Eurodance|Dream|Southern Rock|Comedy|Cult|Gangsta Rap|Top 40|Christian Rap|Pop/Funk|"
    "Jungle|Native American|Cabaret|New Wave|Psychedelic|Rave|Showtunes|Trailer|Lo-Fi|Tribal|Acid Punk|Acid Jazz|"
    "Polka|Retro|Musical|Rock & Roll|Hard Rock|Folk|Folk-Rock|National Folk|Swing|Fast-Fusion|Bebop|Latin|"
    "Revival|Celtic|Bluegrass|Avantgarde|Gothic Rock|Progressive Rock|Psychedelic Rock|Symphonic Rock|Slow Rock|"
    "Big Band|Chorus|Easy Listening|Acoustic|Humour|Speech|Chanson|Opera|Chamber Music|Sonata|Symphony|"
    "Booty Bass|Primus|Porn Groove|Satire|Slow Jam|Club|Tango|Samba|Folklore|Ballad|Power Ballad|Rhythmic Soul|"
    "Freestyle|Duet|Punk Rock|Drum Solo|A Cappella|Euro-House|Dance Hall|Goa|Drum & Bass|Club-House|Hardcore|"
    "Terror|Indie|BritPop|Afro-Punk|Polsk Punk|Beat|Christian Gangsta Rap|Heavy Metal|Black Metal|Crossover|"
    "Contemporary Christian|Christian Rock|Merengue|Salsa|Thrash Metal|Anime|JPop|Synthpop|Abstract|Art Rock|"
    "Baroque|Bhangra|Big Beat|Breakbeat|Chillout|Downtempo|Dub|EBM|Eclectic|Electro|Electroclash|Emo|"
    "Experimental|Garage|Global|IDM|Illbient|Industro-Goth|Jam Band|Krautrock|Leftfield|Lounge|Math Rock|"
    "New Romantic|Nu-Breakz|Post-Punk|Post-Rock|Psytrance|Shoegaze|Space Rock|Trop Rock|World Music|Neoclassical|"
    "Audiobook|Audio Theatre|Neue Deutsche Welle|Podcast|Indie Rock|G-Funk|Dubstep|Garage Rock|Psybient"
)
_ID3_GENRES = tuple(_NAMES_BY_NUMBER.split("|"))
"""Genres of ID3v1 with Winamp's extensions, by number."""


def cut_genres(text: str) -> tuple[str, ...]:
    """The genres in ``text`` as they are written; separators are ``;``, ``|``, ``,``, ``/``, backslash and their kin.

    >>> cut_genres("Rock/Pop; Folk, World, & Country"), cut_genres("R&B | Drum & Bass")
    (('Rock', 'Pop', 'Folk, World, & Country'), ('R&B', 'Drum & Bass'))
    """
    parts = (part.strip() for part in _PART.findall(text))
    return tuple(part for part in parts if part)


def split_genres(values: Iterable[str]) -> tuple[str, ...]:
    """The genres of all ``values``, folded, each once, in order; none for words that say nothing.

    At most :data:`MAX_GENRES`; a genre longer than :data:`MAX_GENRE_BYTES` is left out.

    >>> split_genres(["Rock, Pop", "(18)", "Other"]), split_genres(["N/A", "[unknown]", "12"])
    (('rock', 'pop', 'techno'), ())
    """
    parts = (part for value in values for cut in cut_genres(value) for part in _by_name(cut))
    folded = (fold_genre(part) for part in parts)
    kept = (genre for genre in folded if _says_something(genre))
    return tuple(dict.fromkeys(kept))[:MAX_GENRES]


def _by_name(genre: str) -> list[str]:
    """``genre`` with the numbers of ID3 spelled out: "(4)Eurodisco" is Disco and Eurodisco."""
    genre = _bare(genre)
    leading = _NUMBERS.match(genre)
    numbers = _DIGITS.findall(leading[0]) if leading else []
    rest = genre[leading.end() :] if leading else genre
    if _DIGITS.fullmatch(rest):
        numbers, rest = [rest], ""
    names = [_ID3_GENRES[int(number)] for number in numbers if int(number) < len(_ID3_GENRES)]
    return [*names, rest] if rest else names


def _bare(genre: str) -> str:
    """``genre`` without the quotes or brackets around it, and without the ``#`` of a tag.

    ID3v2.3 writes "((Live)" for "(Live)".
    """
    text = genre.removeprefix("(") if genre.startswith("((") else genre.lstrip("#")
    closing = _AROUND.get(text[:1], "")
    inner = text[1:-1].strip()
    is_around = bool(closing) and text.endswith(closing) and not _DIGITS.fullmatch(inner)
    return inner if is_around and closing not in inner and text[0] not in inner else text


def _says_something(genre: str) -> bool:
    bare = genre.strip("<>[](){}\"' ")
    return bare not in _NOTHING and not _NO_WORD.fullmatch(bare) and len(genre.encode()) <= MAX_GENRE_BYTES


def fold_genre(genre: str) -> str:
    """Fold a genre so that its spellings give one tag. Well-known short forms are spelled out.

    >>> fold_genre("Drum & Bass"), fold_genre("dnb"), fold_genre("Hip-Hop")
    ('drum and bass', 'drum and bass', 'hip hop')
    """
    text = fold(genre).replace("&", " and ").replace("+", " and ")
    text = _SPACE.sub(" ", _PUNCTUATION.sub(" ", text)).strip()
    return _ALIASES.get(text, text)
