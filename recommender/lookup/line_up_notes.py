"""Takes off what line-ups write around a name: times, countries, "(live)", "DJ set", "Headliner:", bullets, flags.

These rules alter names that are right ("Live" in brackets may belong to a name), so they serve only a second try, after
the name as given was looked up in vain, and the reader is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from recommender.names import drop_shapeless

MAX_WORDING = 300
"""Characters of a name that the rules are applied to; a longer one is left alone."""

_MAX_ROUNDS = 20
"""How often a rule may apply to one name."""

Rule: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Name -> the rest of it and the note that was taken off; None where the rule does not apply."""

_CLOCK = r"(?:[01]?\d|2[0-4])(?:[:.h][0-5]\d(?:\s?(?:[ap]\.?m\.?|uhr|h))?|\s?(?:[ap]\.?m\.?|uhr|h)(?!\w))"
_TIME = rf"{_CLOCK}(?:\s?(?:-|–|—|to|bis)\s?(?:{_CLOCK}|late|open end|end))?"
_SET = (
    r"(?:(?:extended|exclusive|closing|opening|hybrid|live|dj|vinyl|club|special|all night)[ -])*"
    r"(?:dj|live|hybrid|vinyl|club|a/?v)[ -]?sets?"
)
_NOTES = frozenset(
    """live; live in concert; live band; live pa; live act; live show; live performance; live debut; live a/v; a/v; av
    live av; a/v live; dj; djs; set; acoustic; akustik; unplugged; solo; solo set; full band; all night long
    special guest; special guests; support; headliner; co-headliner; opener; opening; closing; host; sold out; cancelled
    canceled; postponed; tba; tbc; new; debut; premiere; reunion; album release; record release; ep release
    release show; release party; farewell show; farewell tour; on tour; concert; dj support; b2b
    ライブ; ライヴ""".replace("\n    ", "; ").split("; ")
)
_COUNTRIES = frozenset(
    """argentina; australia; austria; belgium; brasil; brazil; canada; chile; china; colombia; croatia; cuba
    czech republic; czechia; danmark; denmark; deutschland; england; españa; estonia; finland; france; germany; ghana
    greece; hungary; iceland; india; indonesia; iran; ireland; israel; italia; italy; jamaica; japan; kenya; korea
    latvia; lithuania; luxembourg; mali; mexico; méxico; netherlands; new zealand; nigeria; norge; norway; peru; polska
    poland; portugal; romania; russia; schweiz; scotland; senegal; serbia; slovakia; slovenia; south africa; south korea
    spain; suomi; sverige; sweden; switzerland; taiwan; thailand; the netherlands; tunisia; turkey; ukraine
    united kingdom; united states; venezuela; wales; österreich""".replace("\n    ", "; ").split("; ")
)
_COUNTRY_CODE = re.compile(r"[A-Z]{2,3}|U\.K\.|U\.S\.(?:A\.)?")
_STAGE = r"(?:\w{1,20} )?(?:stage|floor|room|tent|bühne|arena|hall)(?: \w{1,10})?"
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_SET_OR_TIME = re.compile(
    rf"{_SET}|{_STAGE}|(?:[\w/-]+ ){{1,3}}(?:sets?|show)|{_TIME}|\d{{1,3}} ?min(?:utes)?", re.IGNORECASE
)
_PART_BREAK = re.compile(r"\s*(?:[,;|+&·•]|(?<!\ba)/|\s[-–—]\s)\s*", re.IGNORECASE)
_LABELS = (
    r"(?:co-?)?headliners?|main acts?|(?:special )?guests?|support(?:s|ed by)?|openers?|opening(?: act)?|closing"
    r"|live|dj|djs|dj[- ]set|host(?:ed by)?|presents|lineup|line-up|act|artist|band"
    rf"|sold out|cancell?ed|{_DAY}|day \d{{1,2}}|{_STAGE}"
)
_PICTURE = r"(?:[\U0001F300-\U0001F5FF\U0001F600-\U0001FAFF\u23f0\u2728\u26a1\u2b50][\ufe0e\ufe0f]?\s*)"
_FLAG = r"(?:[\U0001F1E6-\U0001F1FF]{2}|\U0001F3F4[\U000E0020-\U000E007F]*|[\U0001F3C1\U0001F3F3\U0001F6A9]\ufe0f?)"
_ASCII_BRACKETS = str.maketrans("\uff08\uff09\uff3b\uff3d\u3010\u3011\uff5b\uff5d{}", "()[][]()()")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "‘": "’", "`": "`"}


def strip_wording(name: str) -> tuple[str, tuple[str, ...]]:
    """``name`` without the wording of a line-up, and the notes that were taken off, in order.

    Nothing is taken off that would leave an empty name. "Trio", "Band", a year or "Live" without a mark stay.

    >>> strip_wording("22:00 Objekt (live) [DE]")
    ('Objekt', ('22:00', '[DE]', '(live)'))
    >>> strip_wording("Headliner: Low – DJ set"), strip_wording("Live"), strip_wording("24:00")
    (('Low', ('– DJ set', 'Headliner:')), ('Live', ()), ('24:00', ()))
    """
    if len(name) > MAX_WORDING:
        return name, ()
    rest = drop_shapeless(name).translate(_ASCII_BRACKETS).strip()
    notes: list[str] = []
    while len(notes) < _MAX_ROUNDS and (applied := _first(rest)):
        rest, note = applied
        notes.append(note)
    return rest, tuple(notes)


def _first(name: str) -> tuple[str, str] | None:
    """The result of the first rule that applies and leaves a letter, digit or mark of the name."""
    for rule in RULES:
        applied = rule(name)
        if applied is not None and applied[0]:
            return applied
    return None


def _front(pattern: re.Pattern[str], name: str) -> tuple[str, str] | None:
    match = pattern.match(name)
    return (name[match.end() :].strip(), match.group().strip()) if match else None


def _end(pattern: re.Pattern[str], name: str) -> tuple[str, str] | None:
    match = pattern.search(name)
    return (name[: match.start()].strip(), match.group().strip()) if match else None


def _note(pattern: re.Pattern[str], name: str) -> tuple[str, str] | None:
    """A note at the end, each part of which is known: "(Live, US)"."""
    match = pattern.search(name)
    if match is None or not all(map(_is_known, _PART_BREAK.split(match["note"].strip()))):
        return None
    return name[: match.start()].strip(), match.group().strip()


def _is_known(part: str) -> bool:
    """Whether ``part`` of a note is a kind of show, a country or a time."""
    word = part.casefold().rstrip("!")
    return bool(word in _NOTES or word in _COUNTRIES or _COUNTRY_CODE.fullmatch(part) or _SET_OR_TIME.fullmatch(part))


def _quotes(name: str) -> tuple[str, str] | None:
    """Quotes around the whole name, as spreadsheets write them."""
    inner, closing = name[1:-1], _QUOTES.get(name[:1])
    if closing is None or not name.endswith(closing) or name[0] in inner or closing in inner:
        return None
    return inner.strip(), name[0] + closing


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


RULES: tuple[Rule, ...] = (
    partial(_front, _pattern(rf"(?:{_DAY}[.,]?\s+)?{_TIME}(?:\s?[-–—|:]\s?|\s)\s*(?=\S)")),
    partial(_front, _pattern(rf"[\[(](?:{_DAY}[.,]?\s+)?{_TIME}[\])]\s*(?:[-–—|:]\s*)?(?=\S)")),
    partial(_end, _pattern(rf"(?:\s*[-–—|@,•·⏰]|\s)\s*{_TIME}$")),
    partial(_front, _pattern(r"(?:[•·▪▫‣◦●○■□►▶→➤✓✔★☆♦]\s*|[-–—*+>]+\s+|(?:\d{1,3}[.)]|#\d{1,3})\s+)(?=\S)")),
    partial(_note, _pattern(r"\s*[\[(](?P<note>[^\[\]()]{1,60})[\])]$")),
    partial(_note, _pattern(r"(?:,|\s+[-–—|~/•·]{1,2})\s*(?P<note>[^-–—|~]{1,60})$")),
    partial(_end, _pattern(rf"[\s,]\s*(?:{_SET}|live\s+a/?v|live\s+pa)$")),
    partial(_front, _pattern(rf"(?:{_LABELS})\s?(?::|\s[-–—|]\s)\s*(?=\S)")),
    partial(_end, _pattern(r"\s*\[(?!(?:feat|ft\b|w/|with\b|b2b|vs\b))[^\[\]]{1,40}\]$")),
    partial(_end, _pattern(r"\s*\([^()]{1,40}\s(?:records|recordings|music|label|rec\.?|tapes)\)$")),
    partial(_end, _pattern(r"(?:\s*[*†‡§¹²³⁴]+|[,;:|])$")),
    partial(
        _end, _pattern(r"\s+(?:\+|&|with|w/|plus|and)\s+(?:very )?(?:special )?(?:guests?|supports?|support acts?)$")
    ),
    partial(_front, _pattern(rf"(?:{_FLAG}\s*)+")),
    partial(_front, _pattern(rf"{_PICTURE}+")),
    partial(_end, _pattern(rf"\s+{_PICTURE}+$")),
    partial(_end, _pattern(rf"(?:\s*{_FLAG})+$")),
    _quotes,
)
"""In the order they are tried; after each that applies, from the first again. Times come before numbers of a list."""
