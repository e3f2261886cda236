"""Names and ids that identify no artist: "Various Artists", "[unknown]", "Track 01", in the languages of taggers."""

from __future__ import annotations

import re
from functools import lru_cache

from recommender.names import fold

PLACEHOLDER_MBIDS = frozenset(
    (
        "89ad4ac3-39f7-470e-963a-56509c546377",  # Various Artists
        "125ec42a-7229-4250-afc5-e057484327fe",  # [unknown]
        "f731ccc4-e22a-43af-a747-64213329e088",  # [anonymous]
        "9be7f096-97ec-4615-8957-8d40b5dcbc41",  # [traditional]
        "314e1c25-dde7-4e4d-b2f4-0a7b9f7c56dc",  # [dialogue]
        "eec63d3c-3b81-4ad4-b1e4-7c147d4d2b61",  # [no artist]
        "33cf029c-63b0-41a0-9855-be2a3665fb3b",  # [data]
        "66ea0139-149f-4a0c-8fbf-5ea9ec4a6e49",  # [Disney]
        "a0ef7e1d-44ff-4039-9435-7d5fefdeecc9",  # [theatre]
        "90068d37-bae7-4292-be4a-704c145bd616",  # [church chimes]
        "80a8851f-444c-4539-892b-ad2a49292aa9",  # [language instruction]
        "7e84f845-ac16-41fe-9ff8-df12eb32af55",  # MusicBrainz Test Artist
    )
)
"""MusicBrainz' special purpose artists: each stands for whoever made many unrelated recordings."""

_SEVERAL = (
    "various|various artist|various artists|various composers|various performers|"
    "verschiedene|verschiedene interpreten|verschiedene künstler|verschiedene artisten|"
    "diverse|diverse interpreten|diverse künstler|diverse artiesten|diverse artister|diverse kunstnere|"
    "divers|divers artistes|artistes divers|artistes variés|multi-interprètes|"
    "varios|varios artistas|varios intérpretes|artistas varios|vários|vários artistas|vários intérpretes|"
    "artisti vari|autori vari|vari artisti|artisti diversi|"
    "blandade artister|olika artister|eri esittäjiä|eri artisteja|"
    "různí|různí interpreti|různí umělci|różni|różni wykonawcy|różni artyści|különböző előadók|válogatás|"
    "çeşitli sanatç\u0131lar|διάφοροι|διάφοροι καλλιτέχνες|"
    "разные|разные исполнители|различные исполнители|сборник|різні виконавці|"
    "ヴァリアス・アーティスト|ヴァリアス|オムニバス|群星|华语群星|合輯|合辑|多位艺术家|여러 아티스트|"
    "original soundtrack|original motion picture soundtrack"
)
_UNKNOWN = (
    "unknown|unknown artist|unknown artists|unknown performer|unknown composer|artist unknown|unknown interpret|"
    "no artist|no artist name|not available|n/a|n.a.|none|null|undefined|unspecified|default artist|"
    "interpret|albumartist|album artist|artist|artist name|artiste|"
    "unbekannt|unbekannter künstler|unbekannter interpret|unbekannte interpreten|kein interpret|"
    "inconnu|artiste inconnu|artista desconocido|desconocido|artista desconhecido|desconhecido|"
    "artista sconosciuto|sconosciuto|onbekend|onbekende artiest|okänd|okänd artist|ukjent|ukjent artist|"
    "ukendt|ukendt kunstner|tuntematon|tuntematon artisti|tuntematon esittäjä|"
    "neznámý|neznámý interpret|neznámý umělec|nieznany|nieznany wykonawca|nieznany artysta|"
    "ismeretlen|ismeretlen előadó|bilinmeyen|bilinmeyen sanatç\u0131|άγνωστος|άγνωστος καλλιτέχνης|"
    "неизвестно|неизвестен|неизвестный|неизвестный исполнитель|неизвестный артист|невідомий виконавець|"
    "不明|不明なアーティスト|アーティスト不明|未知|未知艺术家|未知藝術家|未知藝人|未知艺人|未知歌手|未知演出者|"
    "알 수 없음|알 수 없는 아티스트|فنان غير معروف"
)
_BRACKETED = "anonymous|traditional|dialogue|data|disney|theatre|church chimes|language instruction|untitled|blank"
"""Placeholders only in brackets: without them they are names of real acts, or of tunes' origin."""

_NAMES = frozenset(fold(name) for name in f"{_SEVERAL}|{_UNKNOWN}".split("|"))
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_RUN_TOGETHER = frozenset(_BETWEEN_WORDS.sub("", name) for name in _NAMES if " " in name)
"""Programs write "unknown_artist" and "UnknownArtist" too; names of one word have nothing between words."""
_IN_BRACKETS = frozenset(_BRACKETED.split("|"))
_INITIALS = frozenset(("va", "vvaa", "aavv"))
_NOT_LETTERS = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[<\[({]\s*(.*?)\s*[>\])}]")
_NUMBERED = re.compile(
    r"(?:(?:audio ?)?track|titel|spur|piste|pista|faixa|tracciato|трек|дорожка|トラック)\s*(?:no\.?\s*|#\s*)?\d+"
    r"|(?:unknown|various) artists?\s*[(#\[]?\d+[)\]]?"
)
_DASHES = re.compile(r"[-_.\s]+")
_MAX_CHARACTERS = 60


@lru_cache(maxsize=1 << 14)
def is_placeholder(name: str) -> bool:
    """Whether ``name`` identifies no artist. A name that merely contains such words does: "Unknown Mortal Orchestra".

    >>> is_placeholder("<Unknown>"), is_placeholder("V.A."), is_placeholder("Track 01"), is_placeholder("[traditional]")
    (True, True, True, True)
    >>> is_placeholder("Unknown Mortal Orchestra"), is_placeholder("Anonymous"), is_placeholder("???")
    (False, False, False)
    """
    if len(name) > _MAX_CHARACTERS:
        return False
    folded = fold(name).strip("\"' ")
    bracketed = _BRACKETS.fullmatch(folded)
    bare = bracketed[1] if bracketed else folded
    return (
        bare in _NAMES
        or _BETWEEN_WORDS.sub("", bare) in _RUN_TOGETHER
        or _NOT_LETTERS.sub("", bare) in _INITIALS
        or (bracketed is not None and bare in _IN_BRACKETS)
        or _NUMBERED.fullmatch(bare) is not None
        or _DASHES.fullmatch(bare) is not None
        or not bare
    )
