"""Finds who made a recording: cuts a credit such as "A feat. B & C" into artists, and leaves names whole when unsure.

A credit is cut in two passes. The first collects the names that are surely one artist (:func:`names_known_from`), the
second cuts by them: " & " between two known artists joins two names, in "Earth, Wind & Fire" it is part of one.
The rules and what was measured: docs/methods.md, "Tags and credits".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from indexer.ingest.placeholders import PLACEHOLDER_MBIDS, is_placeholder
from recommender.catalog.file_facts import FileTags
from recommender.names import fold

MAX_CREDITS = 30
"""Artists of one recording that are kept, and pieces of one credit that are examined."""

_REMEMBERED = 1 << 14
"""Texts whose fold and cuts are kept: most files of a library repeat names."""
_MAX_CHARACTERS = 1000
"""Of a longer credit nothing is cut."""

_WELL_KNOWN = (
    "Earth, Wind & Fire|Tyler, The Creator|Crosby, Stills & Nash|Crosby, Stills, Nash & Young|Emerson, Lake & Palmer|"
    "Peter, Paul & Mary|Blood, Sweat & Tears|Simon & Garfunkel|Hall & Oates|Daryl Hall & John Oates|Sam & Dave|"
    "Ike & Tina Turner|Iron & Wine|Mumford & Sons|Florence + The Machine|Kool & The Gang|Above & Beyond|"
    "Chase & Status|Belle & Sebastian|Angus & Julia Stone|Tegan & Sara"
)
"""Names that joins would tear. Only a help behind "feat.", where commas and "&" make a list."""

_AND = re.compile(r"\s*[&+\uff06]\s*|\s+(?:and|y)\s+")

_FEATURING = r"(?:feat(?:uring)?\b[.\uff0e:]?|ft\b[.\uff0e:]?)"
_ANY_FEATURING = rf"(?:{_FEATURING}|part\.|f/|w/(?!o\b|out\b)|при\s+уч(?:\.|астии\b))"
_FEATURE = re.compile(rf"(?:\s+|\s*(?P<open>[(\[\uff08\u3010])\s*){_ANY_FEATURING}", re.IGNORECASE)
_TITLE_FEATURE = re.compile(rf"(?:\s+|\s*(?P<open>[(\[\uff08\u3010])\s*){_FEATURING}", re.IGNORECASE)
_FEATURE_AT_END = re.compile(r"\s+[(\[]?(?:feat[.:]|ft[.:]?|featuring)[)\]]?\s*$", re.IGNORECASE)
"""A featuring word without a name. "Feat" without a dot may be a name's own."""
_STARTS_NO_NAME = re.compile(rf"\s*(?:[&,;/+•・)\]]|(?:and|of|{_ANY_FEATURING})\s|$)", re.IGNORECASE)
"""What stands behind the "Feat" of "Little Feat & Friends": then it is no featuring word."""
_MEASURE = re.compile(r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twenty))$", re.IGNORECASE)
"""In front of "ft" it makes a length: "Six Ft. Ditch"."""
_CLOSING = re.compile(r"[)\]\uff09\u3011]")
_TITLE_END = re.compile(r"\s[(\[]|\s[-\u2013\u2014]\s|[)\]]")

_SURE = re.compile(r"(?<!&amp)(?<!&quot)(?<!&#39)[;\0\uff1b]|\s•\s|\\{2,}")
_RIVALS = re.compile(r"\s+(?:vs\.?|versus|×|b2b)\s+|\s*\uff0f\s*", re.IGNORECASE)
_SOFT = re.compile(
    r"\s*,\s*(?:&|and\s)\s*|\s*,\s+|\s*[、\uff0c]\s*|\s*\uff06\s*|\s+[/|·]\s+"
    r"|\s+(?:&|and|x|y|e|et|und|и|och|og|en|con|with|avec|mit|met|med|meets|pres\.|presents)\s+"
    r"|(?<=[^\x00-\x7f])[&×・](?=[^\x00-\x7f])",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"\s*[(\[\uff08]\s*(?P<join>with|con|avec|mit)\s+(?P<names>[^()\[\]\uff08\uff09]+)[)\]\uff09]", re.IGNORECASE
)
"""The bracket of "Song (with X)"; of "Song (with Strings)" too, so that X must be known."""
_LIST = re.compile(
    r"\s*,\s+(?:&\s*|and\s+)?|\s*[;\0、\uff0c\uff1b]\s*|\s+&\s+|\s*\uff06\s*|\s+(?:[/+×•]|and|y|e|et|und|и)\s+|\s*\uff0f\s*",
    re.IGNORECASE,
)
_STAYS_WITH = re.compile(
    r"(?:the|his|her|their|los|las|les|die|der|das|friends|co\.?|sons|band|company|orchestra)\b", re.IGNORECASE
)
"""Such a word behind a join belongs to the name in front: "& The Bad Seeds", ", The Creator"."""
_SLASH = re.compile(r"\s*[/、\uff0f\uff0c;]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One artist of a recording."""

    name: str
    mbid: str | None = None
    """MusicBrainz id, where it surely belongs to this name."""
    featured: bool = False
    """Whether the artist is named behind "feat." or the like; else one of the main artists."""


class KnownNames:
    """Names that are surely one artist each. Compared without case, accents, and the kinds of "and": &, +, y."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._keys = {_key(name) for name in _WELL_KNOWN.split("|")}
        self.add(*names)

    def add(self, *names: str) -> None:
        """Add names of artists: of imports, of tracklists, or those of :func:`names_known_from`."""
        self._keys.update(_key(name) for name in names if not is_placeholder(name))

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._keys


def names_known_from(tags: FileTags) -> tuple[str, ...]:
    """The names in ``tags`` that are surely one artist each: for the first pass over all files.

    These are: whole credits without any join; values of ARTISTS and of a multi-valued artist field; a credit with one
    MusicBrainz id, or equal to the album artist; and single names behind "feat.".
    """
    several = (*tags.artist_list, *(tags.artists if len(tags.artists) > 1 else ()))
    names = [name for name in several if not _is_cut_surely(name)]
    for values, ids in ((tags.artists, tags.artist_ids), (tags.album_artists, tags.album_artist_ids)):
        names += [value for value in values if _is_plain(value)]
        if len(values) == len(ids) == 1 and not _is_cut_surely(values[0]):
            names.append(values[0])
    album_keys = {_key(name) for name in tags.album_artists}
    names += [name for name in tags.artists if _key(name) in album_keys and not _is_cut_surely(name)]
    guests = [guest for text in tags.artists for guest in _cut_feature(text)[1]] + _title_guests(tags.title or "")
    names += [guest for guest in guests if _is_plain(guest)]
    names += [_cut_feature(text)[0] for text in tags.artists if _is_plain(_cut_feature(text)[0])]
    return tuple(dict.fromkeys(name for name in names if not is_placeholder(name)))


def split_credit(text: str, known: KnownNames) -> tuple[Credit, ...]:
    """The artists of a credit: main ones, then featured ones; each once. Placeholders are left out.

    >>> known = KnownNames(["Alpha", "Beta"])
    >>> [credit.name for credit in split_credit("Alpha & Beta feat. Gamma", known)]
    ['Alpha', 'Beta', 'Gamma']
    >>> [credit.name for credit in split_credit("AC/DC", known)], [c.name for c in split_credit("Alpha & Delta", known)]
    (['AC/DC'], ['Alpha & Delta'])
    """
    return _distinct(_all_credits(text, known))


def credits_of(tags: FileTags, known: KnownNames) -> tuple[Credit, ...]:
    """The artists of a file by its tags; empty when they name none.

    ARTISTS comes first, then the values of the artist field. Guests in the title ("Song (feat. X)", and "Song (with X)"
    where X is known) are featured too.
    The album artist counts only where the artist is missing or a placeholder. Ids belong to the names where there are
    as many.
    """
    credits = _field_credits(tags.artists, tags.artist_list, tags.artist_ids, known)
    if not credits:
        credits = _field_credits(tags.album_artists, (), tags.album_artist_ids, known)
    if not credits:
        return ()
    title = tags.title or ""
    guests = [credit for guest in _title_guests(title) for credit in _listed(guest, known, featured=True)]
    partners = [Credit(name=name, featured=True) for name in _title_partners(title, known)]
    return _distinct([*credits, *guests, *partners])


def commonest_spelling(counts: Mapping[str, int]) -> str:
    """The spelling of a name that occurs most often; in doubt one in mixed case, then the first in text order.

    Raises ValueError when ``counts`` is empty.

    >>> commonest_spelling({"LOW": 2, "Low": 2, "low": 1}), commonest_spelling({"LOW": 3, "Low": 2})
    ('Low', 'LOW')
    """
    return min(counts, key=lambda name: (-counts[name], name.isupper() or name.islower(), name))


@lru_cache(maxsize=_REMEMBERED)
def _key(name: str) -> str:
    return _AND.sub(" and ", fold(name))


def _field_credits(
    values: tuple[str, ...], listed: tuple[str, ...], ids: tuple[str, ...], known: KnownNames
) -> tuple[Credit, ...]:
    if listed:
        names = [part for value in _apart(listed, values) for part in _cut(value, _SURE)]
        credits = [Credit(name=name, featured=_is_featured(name, values)) for name in names]
        candidates = [credits]
    else:
        candidates = [
            [credit for value in values for credit in _all_credits(value, known)],
            [credit for value in values for credit in _loosely_cut(value)],
            [credit for value in values for credit in _guests_whole(value)],
        ]
    return _distinct(_with_ids(candidates, ids))


def _apart(listed: tuple[str, ...], values: tuple[str, ...]) -> Sequence[str]:
    """The values of ARTISTS; a single one of ID3v2.3, "A/B", is cut where the credit has both names but not this."""
    parts = [part.strip() for part in listed[0].split("/")]
    credit = _key(" ".join(values))
    joined = len(listed) == 1 and _key(listed[0]) not in credit and all(part and _key(part) in credit for part in parts)
    return parts if joined else listed


def _with_ids(candidates: list[list[Credit]], ids: tuple[str, ...]) -> list[Credit]:
    """The first way to cut that gives as many names as there are ids, with the ids; else the first, without."""
    fitting = next((credits for credits in candidates if len(credits) == len(ids)), None)
    if fitting is None:
        return candidates[0]
    pairs = zip(fitting, ids, strict=True)
    return [replace(credit, mbid=mbid) for credit, mbid in pairs if mbid not in PLACEHOLDER_MBIDS]


def _loosely_cut(text: str) -> list[Credit]:
    """Cut at every join: only right where as many ids say so."""
    main, guests = _cut_feature(text)
    pieces = [piece for part in _cut(main, _SURE) for rival in _cut(part, _RIVALS) for piece in _cut(rival, _SOFT)]
    named = [Credit(name=piece) for piece in pieces]
    return named + [Credit(name=piece, featured=True) for guest in guests for piece in _cut(guest, _LIST)]


def _guests_whole(text: str) -> list[Credit]:
    main, guests = _cut_feature(text)
    return [Credit(name=main), *(Credit(name=guest, featured=True) for guest in guests)]


def _is_featured(name: str, values: tuple[str, ...]) -> bool:
    """Whether ``name`` stands only behind the featuring word of the artist field."""
    cut = [_cut_feature(value) for value in values]
    in_main = any(_key(name) in _key(main) for main, _ in cut)
    return not in_main and any(_key(name) in _key(guest) for _, guests in cut for guest in guests)


def _all_credits(text: str, known: KnownNames) -> list[Credit]:
    text = text.strip()
    if len(text) > _MAX_CHARACTERS or text in known:
        return [Credit(name=text)]
    main, guests = _cut_feature(text)
    mains = [Credit(name=name) for part in _cut(main, _SURE) for name in _main_names(part, known)]
    return mains + [credit for guest in guests for credit in _listed(guest, known, featured=True)]


def _main_names(text: str, known: KnownNames) -> list[str]:
    if text in known:
        return [text]
    rivals = _cut(text, _RIVALS)
    if 1 < len({_key(rival) for rival in rivals}) == len(rivals) and any(rival in known for rival in rivals):
        return [name for rival in rivals for name in _soft_names(rival, known)]
    return _soft_names(text, known)


def _soft_names(text: str, known: KnownNames) -> list[str]:
    """The names that soft joins connect, if every one of them is known; else ``text`` whole."""
    groups = _known_groups(_WITH.sub(r" \g<join> \g<names>", text), known)
    return groups or [text]


def _known_groups(text: str, known: KnownNames) -> list[str]:
    """``text`` cut at soft joins into known names, the longest first; empty where it cannot be done."""
    spans = _spans(text, _SOFT)
    if len(spans) > MAX_CREDITS:
        return []
    ways: dict[int, list[str]] = {len(spans): []}  # first piece -> the names from there on
    for start in reversed(range(len(spans))):
        for end in reversed(range(start + 1, len(spans) + 1)):
            name = text[spans[start][0] : spans[end - 1][1]]
            if end in ways and (end == len(spans) or _may_cut(text, spans, end)) and name in known:
                ways[start] = [name, *ways[end]]
                break
    return ways.get(0, [])


def _may_cut(text: str, spans: list[tuple[int, int]], piece: int) -> bool:
    """Whether a name may start at this piece."""
    join = text[spans[piece - 1][1] : spans[piece][0]]
    return _SLASH.fullmatch(join) is not None or not _STAYS_WITH.match(text, spans[piece][0])


def _listed(text: str, known: KnownNames, *, featured: bool) -> Iterator[Credit]:
    """The names of a list behind a featuring word: joins separate them, but known names stay whole."""
    spans = _spans(text, _LIST)[:MAX_CREDITS]
    start = 0
    while start < len(spans):
        ends = range(len(spans), start + 1, -1)
        end = next((end for end in ends if text[spans[start][0] : spans[end - 1][1]] in known), start + 1)
        while end < len(spans) and not _may_cut(text, spans, end):
            end += 1
        names = _main_names(text[spans[start][0] : spans[end - 1][1]], known)
        yield from (Credit(name=name, featured=featured) for name in names)
        start = end


@lru_cache(maxsize=_REMEMBERED)
def _cut_feature(text: str) -> tuple[str, tuple[str, ...]]:
    """The text before the first featuring word (with what follows its bracket), and the texts behind such words."""
    found = next((match for match in _FEATURE.finditer(text) if _is_feature(text, match)), None)
    if found is None:
        return _FEATURE_AT_END.sub("", text).strip() or text.strip(), ()
    guests, rest = text[found.end() :], ""
    closing = _CLOSING.search(guests) if found["open"] else None
    if closing:
        guests, rest = guests[: closing.start()], guests[closing.end() :]
    more, others = _cut_feature(guests)
    main, behind = _cut_feature(f"{text[: found.start()]} {rest.strip()}".strip())
    return main, (more, *others, *behind)


def _is_feature(text: str, match: re.Match[str]) -> bool:
    head = text[: match.start()].rstrip()
    if not head or _STARTS_NO_NAME.match(text, match.end()):
        return False
    return not (match[0].strip().lower().startswith("ft") and _MEASURE.search(head))


def _title_guests(title: str) -> list[str]:
    """What stands behind "feat." in a title, up to the end of its bracket."""
    found = next((match for match in _TITLE_FEATURE.finditer(title) if _is_feature(title, match)), None)
    if found is None:
        return []
    behind = title[found.end() :]
    end = (_CLOSING if found["open"] else _TITLE_END).search(behind)
    guest = behind[: end.start()] if end else behind
    return [guest.strip()] if guest.strip() else []


def _title_partners(title: str, known: KnownNames) -> list[str]:
    """The known artists of "Song (with X & Y)"; none where one of them is unknown."""
    found = _WITH.search(title)
    return _known_groups(found["names"].strip(), known) if found else []


def _is_cut_surely(text: str) -> bool:
    return bool(_SURE.search(text) or _cut_feature(text)[1])


@lru_cache(maxsize=_REMEMBERED)
def _is_plain(text: str) -> bool:
    """Whether nothing in ``text`` can be a join, so that it is one name."""
    joins = (_SURE, _RIVALS, _SOFT, _LIST)
    return bool(text) and not _cut_feature(text)[1] and not any(join.search(text) for join in joins)


def _cut(text: str, join: re.Pattern[str]) -> list[str]:
    return [text[start:end] for start, end in _spans(text, join)]


def _spans(text: str, join: re.Pattern[str]) -> list[tuple[int, int]]:
    """Start and end of the pieces between joins, without blank ones and outer spaces."""
    bounds = [0, *(bound for match in join.finditer(text) for bound in match.span()), len(text)]
    spans = []
    for start, end in zip(bounds[::2], bounds[1::2], strict=True):
        piece = text[start:end]
        if piece.strip():
            spans.append((start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())))
    return spans


def _distinct(credits: Iterable[Credit]) -> tuple[Credit, ...]:
    """Each artist once, main ones first, without placeholders."""
    found: dict[str, Credit] = {}
    for credit in sorted(credits, key=lambda credit: credit.featured):
        if not is_placeholder(credit.name):
            found.setdefault(_key(credit.name), credit)
    return tuple(found.values())[:MAX_CREDITS]
