"""Who made a recording: credits of every shape, with some names known, none known, and names that must stay whole."""

from __future__ import annotations

import pytest

from indexer.ingest.credits import KnownNames, commonest_spelling, credits_of, names_known_from, split_credit
from recommender.catalog.file_facts import FileTags

ID_A, ID_B, ID_C = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "123")
UNKNOWN_ID = "125ec42a-7229-4250-afc5-e057484327fe"

SINGLE = (
    "Alpha One|Beta Two|Gamma|The Deltas|Björk|椎名林檎|宇多田ヒカル|周杰倫|아이유|Кино|Земфира|Shakira|Anitta|Stromae|"
    "Nick Cave|The Bad Seeds|Tyler|The Creator|Earth|Wind|Fire|Us|Them|Kramer|Simon|Garfunkel|Above|Beyond"
)
WHOLE = "Kramer & Sons|Alpha One & The Deltas|Hootie & the Blowfish|Wisin & Yandel|Mike + The Mechanics"

# credit|main names, with + between them|featured names, likewise. Known: SINGLE and WHOLE.
WITH_KNOWN = """
Alpha One|Alpha One|
Alpha One feat. Beta Two|Alpha One|Beta Two
Alpha One feat Beta Two|Alpha One|Beta Two
Alpha One Feat. Beta Two|Alpha One|Beta Two
Alpha One FEAT. Beta Two|Alpha One|Beta Two
Alpha One ft. Beta Two|Alpha One|Beta Two
Alpha One ft Beta Two|Alpha One|Beta Two
Alpha One Ft. Beta Two|Alpha One|Beta Two
Alpha One featuring Beta Two|Alpha One|Beta Two
Alpha One (feat. Beta Two)|Alpha One|Beta Two
Alpha One [feat. Beta Two]|Alpha One|Beta Two
Alpha One (ft Beta Two)|Alpha One|Beta Two
Alpha One (featuring Beta Two)|Alpha One|Beta Two
Alpha One(feat. Beta Two)|Alpha One|Beta Two
Alpha One（feat. Beta Two）|Alpha One|Beta Two
Alpha One feat．Beta Two|Alpha One|Beta Two
Alpha One feat.Beta Two|Alpha One|Beta Two
Alpha One part. Beta Two|Alpha One|Beta Two
Alpha One (part. Beta Two)|Alpha One|Beta Two
Alpha One f/ Beta Two|Alpha One|Beta Two
Alpha One w/ Beta Two|Alpha One|Beta Two
Кино при уч. Земфира|Кино|Земфира
Кино при участии Земфира|Кино|Земфира
Alpha One feat. Beta Two & Gamma|Alpha One|Beta Two+Gamma
Alpha One feat. Beta Two and Gamma|Alpha One|Beta Two+Gamma
Alpha One feat. Beta Two, Gamma & Björk|Alpha One|Beta Two+Gamma+Björk
Alpha One feat. Beta Two, Gamma, and Björk|Alpha One|Beta Two+Gamma+Björk
Alpha One feat. Beta Two feat. Gamma|Alpha One|Beta Two+Gamma
Alpha One feat. Nobody Known & Some Stranger|Alpha One|Nobody Known+Some Stranger
Alpha One feat. Earth, Wind & Fire|Alpha One|Earth, Wind & Fire
Alpha One feat. Tyler, The Creator|Alpha One|Tyler, The Creator
Alpha One feat. Tyler, The Creator & Gamma|Alpha One|Tyler, The Creator+Gamma
Alpha One feat. Gamma, Earth, Wind & Fire & Björk|Alpha One|Gamma+Earth, Wind & Fire+Björk
Alpha One feat. Nick Cave & The Bad Seeds|Alpha One|Nick Cave & The Bad Seeds
Alpha One feat. Wisin & Yandel|Alpha One|Wisin & Yandel
Alpha One & Beta Two feat. Gamma|Alpha One+Beta Two|Gamma
Alpha One (feat. Beta Two) & Gamma|Alpha One+Gamma|Beta Two
Little Feat|Little Feat|
Little Feat feat. Björk|Little Feat|Björk
Little Feat & Friends|Little Feat & Friends|
Rihanna feat.|Rihanna|
Rihanna ft|Rihanna|
Six Ft. Ditch|Six Ft. Ditch|
10 Ft. Ganja Plant|10 Ft. Ganja Plant|
6ft Hick|6ft Hick|
Defeater|Defeater|
Featurecast|Featurecast|
Alpha One w/o Brakes|Alpha One w/o Brakes|
Alpha One; Beta Two|Alpha One+Beta Two|
Alpha One;Beta Two|Alpha One+Beta Two|
Alpha One ; Beta Two ; Gamma|Alpha One+Beta Two+Gamma|
Alpha One;|Alpha One|
Alpha One\0Beta Two|Alpha One+Beta Two|
Alpha One\\\\Beta Two|Alpha One+Beta Two|
Alpha One • Beta Two|Alpha One+Beta Two|
Nobody Known; Some Stranger|Nobody Known+Some Stranger|
Simon &amp; Garfunkel|Simon &amp; Garfunkel|
Alpha One vs. Beta Two|Alpha One+Beta Two|
Alpha One vs Beta Two|Alpha One+Beta Two|
Alpha One Vs. Nobody Known|Alpha One+Nobody Known|
Nobody Known vs. Some Stranger|Nobody Known vs. Some Stranger|
Kramer vs. Kramer|Kramer vs. Kramer|
Alpha One × Beta Two|Alpha One+Beta Two|
Alpha One b2b Beta Two|Alpha One+Beta Two|
椎名林檎／宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎×宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎&宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎・宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎×未知|椎名林檎×未知|
Кино и Земфира|Кино+Земфира|
Кино и Никто|Кино и Никто|
Alpha One og Björk|Alpha One+Björk|
Alpha One pres. Beta Two|Alpha One+Beta Two|
Alpha One presents Nobody|Alpha One presents Nobody|
Alpha One · Beta Two · Gamma|Alpha One+Beta Two+Gamma|
Alpha One (with Beta Two & Gamma)|Alpha One+Beta Two+Gamma|
Alpha One (with Strings)|Alpha One (with Strings)|
Alpha One feat. Beta Two x Gamma|Alpha One|Beta Two+Gamma
Alpha One feat. Beta Two vs. Gamma|Alpha One|Beta Two+Gamma
Alpha One feat. Nobody x Some Stranger|Alpha One|Nobody x Some Stranger
椎名林檎 × 宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎、宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎＆宇多田ヒカル|椎名林檎+宇多田ヒカル|
椎名林檎 feat. 宇多田ヒカル|椎名林檎|宇多田ヒカル
周杰倫 & 아이유|周杰倫+아이유|
Alpha One & Beta Two|Alpha One+Beta Two|
ALPHA ONE & beta two|ALPHA ONE+beta two|
Alpha One and Beta Two|Alpha One+Beta Two|
Alpha One / Beta Two|Alpha One+Beta Two|
Alpha One, Beta Two|Alpha One+Beta Two|
Alpha One, Beta Two & Gamma|Alpha One+Beta Two+Gamma|
Alpha One, Beta Two, & Gamma|Alpha One+Beta Two+Gamma|
Alpha One x Beta Two|Alpha One+Beta Two|
Alpha One X Beta Two|Alpha One+Beta Two|
Shakira y Anitta|Shakira+Anitta|
Shakira e Anitta|Shakira+Anitta|
Shakira con Anitta|Shakira+Anitta|
Alpha One with Beta Two|Alpha One+Beta Two|
Stromae avec Shakira|Stromae+Shakira|
Stromae et Shakira|Stromae+Shakira|
Alpha One & Nobody Known|Alpha One & Nobody Known|
Nobody Known & Some Stranger|Nobody Known & Some Stranger|
Alpha One / Nobody Known|Alpha One / Nobody Known|
Alpha One, Nobody Known|Alpha One, Nobody Known|
Alpha One / The Deltas|Alpha One+The Deltas|
Alpha One + Beta Two|Alpha One + Beta Two|
Alpha One/Beta Two|Alpha One/Beta Two|
Nick Cave & The Bad Seeds|Nick Cave & The Bad Seeds|
Nick Cave and the Bad Seeds|Nick Cave and the Bad Seeds|
Alpha One & His Orchestra|Alpha One & His Orchestra|
Alpha One & Friends|Alpha One & Friends|
Alpha One & The Deltas|Alpha One & The Deltas|
Alpha One and the Deltas|Alpha One and the Deltas|
Kramer & Sons, Gamma|Kramer & Sons+Gamma|
Kramer and Sons & Gamma|Kramer and Sons+Gamma|
Wisin y Yandel|Wisin y Yandel|
Wisin + Yandel|Wisin + Yandel|
Wisin & Yandel, Shakira|Wisin & Yandel+Shakira|
Mike & The Mechanics|Mike & The Mechanics|
Hootie & the Blowfish feat. Gamma|Hootie & the Blowfish|Gamma
AC/DC|AC/DC|
AC/DC feat. Gamma|AC/DC|Gamma
Earth, Wind & Fire|Earth, Wind & Fire|
Earth, Wind and Fire|Earth, Wind and Fire|
Tyler, The Creator|Tyler, The Creator|
Simon & Garfunkel|Simon & Garfunkel|
Above & Beyond|Above & Beyond|
Us3|Us3|
Björk; Various Artists|Björk|
Alpha One feat. Unknown Artist|Alpha One|
Alpha One; alpha one|Alpha One|
Alpha One feat. Alpha One|Alpha One|
"""

NOTHING_KNOWN = """
Alpha One feat. Beta Two|Alpha One|Beta Two
Alpha One feat. Beta Two & Gamma|Alpha One|Beta Two+Gamma
Alpha One; Beta Two|Alpha One+Beta Two|
Alpha One & Beta Two|Alpha One & Beta Two|
Alpha One / Beta Two|Alpha One / Beta Two|
Alpha One, Beta Two|Alpha One, Beta Two|
Alpha One vs. Beta Two|Alpha One vs. Beta Two|
Us vs. Them|Us vs. Them|
Kramer vs. Kramer|Kramer vs. Kramer|
AC/DC|AC/DC|
Earth, Wind & Fire|Earth, Wind & Fire|
Tyler, The Creator|Tyler, The Creator|
Alpha feat. Earth, Wind & Fire|Alpha|Earth, Wind & Fire
Alpha feat. Tyler, The Creator|Alpha|Tyler, The Creator
Alpha feat. Zed, The Maker|Alpha|Zed, The Maker
Alpha feat. 10,000 Maniacs|Alpha|10,000 Maniacs
Ahmed & Mohammed|Ahmed & Mohammed|
Florence + the Machine|Florence + the Machine|
+/-|+/-|
!!!|!!!|
M/A/R/R/S|M/A/R/R/S|
Love / Hate|Love / Hate|
The The|The The|
And Also the Trees|And Also the Trees|
...And You Will Know Us by the Trail of Dead|...And You Will Know Us by the Trail of Dead|
Derek & the Dominos|Derek & the Dominos|
Echo & the Bunnymen|Echo & the Bunnymen|
X Ambassadors|X Ambassadors|
Malcolm X|Malcolm X|
Los Amigos Invisibles|Los Amigos Invisibles|
Y La Bamba|Y La Bamba|
Iron & Wine|Iron & Wine|
Ebony & Ivory, Inc.|Ebony & Ivory, Inc.|
Sly & Robbie|Sly & Robbie|
[unknown]||
Various Artists||
"""


def rows(table: str) -> list[tuple[str, list[str], list[str]]]:
    cells = [line.split("|") for line in table.strip().split("\n")]
    names = [[[name for name in cell.split("+") if name] for cell in row[1:]] for row in cells]
    # a "+" inside a name is written with a space on one side only of the cell's own joins
    return [(row[0], *_joined(row, found)) for row, found in zip(cells, names, strict=True)]


def _joined(row: list[str], found: list[list[str]]) -> tuple[list[str], list[str]]:
    main = [row[1]] if row[0] == row[1] else found[0]
    return main, found[1]


def names(text: str, known: KnownNames) -> tuple[list[str], list[str]]:
    credits = split_credit(text, known)
    main = [credit.name for credit in credits if not credit.featured]
    return main, [credit.name for credit in credits if credit.featured]


@pytest.mark.parametrize(("text", "main", "featured"), rows(WITH_KNOWN))
def test_credits_with_known_names(text: str, main: list[str], featured: list[str]) -> None:
    assert names(text, KnownNames([*SINGLE.split("|"), *WHOLE.split("|")])) == (main, featured)


@pytest.mark.parametrize(("text", "main", "featured"), rows(NOTHING_KNOWN))
def test_credits_with_nothing_known(text: str, main: list[str], featured: list[str]) -> None:
    assert names(text, KnownNames()) == (main, featured)


@pytest.mark.parametrize(
    "text", ["A & " * 50_000, "A feat. B " * 20_000, "(feat. " * 20_000, "A; " * 50_000, "A, B " * 60]
)
def test_a_hostile_credit_is_bounded(text: str) -> None:
    assert len(split_credit(text, KnownNames(["A", "B"]))) <= 30


def test_names_are_collected_from_what_is_surely_one_artist() -> None:
    def known(**fields: object) -> set[str]:
        return set(names_known_from(FileTags(**fields)))  # type: ignore[arg-type]

    assert known(artists=("Alpha",)) == {"Alpha"}
    assert known(artists=("Alpha & Beta",)) == set()
    assert known(artists=("Alpha & Beta",), artist_ids=(ID_A,)) == {"Alpha & Beta"}
    assert known(artists=("Alpha & Beta",), artist_ids=(ID_A, ID_B)) == set()
    assert known(artists=("Alpha & Beta",), album_artists=("ALPHA AND BETA",)) == {"Alpha & Beta"}
    assert known(artists=("Alpha feat. Beta",), album_artists=("Alpha feat. Beta",)) == {"Alpha", "Beta"}
    assert known(artists=("Earth, Wind & Fire", "Beta")) == {"Earth, Wind & Fire", "Beta"}
    assert known(artists=("x",), artist_list=("Alpha & Beta", "Gamma")) == {"x", "Alpha & Beta", "Gamma"}
    assert known(artists=("Unknown Artist",), album_artists=("Various Artists",)) == set()
    assert known(title="Song (feat. Beta)", artists=("Alpha",)) == {"Alpha", "Beta"}


def test_the_list_of_artists_comes_first_and_the_credit_tells_the_guests() -> None:
    tags = FileTags(
        artists=("Alpha feat. Beta & Gamma",), artist_list=("Alpha", "Beta & Gamma"), artist_ids=(ID_A, ID_B)
    )
    credits = credits_of(tags, KnownNames())
    assert [(credit.name, credit.mbid, credit.featured) for credit in credits] == [
        ("Alpha", ID_A, False),
        ("Beta & Gamma", ID_B, True),
    ]


@pytest.mark.parametrize(
    ("listed", "artist", "expected"),
    [
        ("Alpha/Beta", "Alpha feat. Beta", ["Alpha", "Beta"]),
        ("AC/DC", "AC/DC", ["AC/DC"]),
        ("AC/DC", "AC/DC feat. Beta", ["AC/DC"]),
        ("AC/DC", "", ["AC/DC"]),
        ("Alpha; Beta", "Alpha & Beta", ["Alpha", "Beta"]),
    ],
)
def test_a_list_of_artists_in_one_value_is_cut_as_the_credit_says(
    listed: str, artist: str, expected: list[str]
) -> None:
    tags = FileTags(artists=(artist,) if artist else (), artist_list=(listed,))
    assert [credit.name for credit in credits_of(tags, KnownNames())] == expected


@pytest.mark.parametrize(
    ("artist", "ids", "expected"),
    [
        ("Alpha & Beta", (ID_A, ID_B), [("Alpha", ID_A), ("Beta", ID_B)]),
        ("Alpha & Beta", (ID_A,), [("Alpha & Beta", ID_A)]),
        ("Alpha, Beta & Gamma", (ID_A, ID_B), [("Alpha, Beta & Gamma", None)]),
        ("Alpha feat. Beta & The Gammas", (ID_A, ID_B), [("Alpha", ID_A), ("Beta & The Gammas", ID_B)]),
        ("Alpha feat. Beta & Gamma", (ID_A, ID_B), [("Alpha", ID_A), ("Beta & Gamma", ID_B)]),
        ("Alpha feat. Beta & Gamma", (ID_A, ID_B, ID_C), [("Alpha", ID_A), ("Beta", ID_B), ("Gamma", ID_C)]),
        ("Alpha feat. Beta", (ID_A,), [("Alpha", None), ("Beta", None)]),
        ("Somebody", (UNKNOWN_ID,), []),
        ("Alpha; [unknown]", (ID_A, UNKNOWN_ID), [("Alpha", ID_A)]),
    ],
)
def test_as_many_ids_as_names_tell_where_to_cut(
    artist: str, ids: tuple[str, ...], expected: list[tuple[str, str | None]]
) -> None:
    credits = credits_of(FileTags(artists=(artist,), artist_ids=ids), KnownNames())
    assert [(credit.name, credit.mbid) for credit in credits] == expected


@pytest.mark.parametrize("artists", [(), ("[unknown]",), ("Track 01",)])
def test_the_album_artist_counts_where_the_artist_is_missing(artists: tuple[str, ...]) -> None:
    tags = FileTags(artists=artists, album_artists=("Album Act",), album_artist_ids=(ID_A,))
    assert [(credit.name, credit.mbid) for credit in credits_of(tags, KnownNames())] == [("Album Act", ID_A)]


@pytest.mark.parametrize("album_artist", ["Various Artists", "VA", "Verschiedene Interpreten"])
def test_a_collection_is_no_artist(album_artist: str) -> None:
    assert credits_of(FileTags(album_artists=(album_artist,)), KnownNames()) == ()
    assert credits_of(FileTags(artists=("Alpha",), album_artists=(album_artist,)), KnownNames())[0].name == "Alpha"


@pytest.mark.parametrize(
    ("title", "guests"),
    [
        ("Song (feat. Beta)", ["Beta"]),
        ("Song [ft. Beta & Gamma]", ["Beta", "Gamma"]),
        ("Song (feat. Beta) [Zed Remix]", ["Beta"]),
        ("Song feat. Beta - Live", ["Beta"]),
        ("Song (Remix) (featuring Beta)", ["Beta"]),
        ("Song featuring Beta (Live)", ["Beta"]),
        ("Feat", []),
        ("20 ft Tall", []),
        ("A Feat of Strength feat.", []),
        ("Symphony Part. 2", []),
        ("Song (feat. Alpha)", []),
    ],
)
def test_guests_in_the_title_are_featured(title: str, guests: list[str]) -> None:
    credits = credits_of(FileTags(artists=("Alpha",), title=title), KnownNames())
    assert [credit.name for credit in credits if credit.featured] == guests
    assert credits[0].name == "Alpha"


@pytest.mark.parametrize(
    ("title", "guests"),
    [
        ("Song (with Beta)", ["Beta"]),
        ("Song [with Beta & Gamma] - Live", ["Beta", "Gamma"]),
        ("Song (with Strings)", []),
        ("Song (with Beta & Strings)", []),
        ("Song with Beta", []),
    ],
)
def test_a_partner_in_the_title_is_featured_where_known(title: str, guests: list[str]) -> None:
    credits = credits_of(FileTags(artists=("Alpha",), title=title), KnownNames(["Beta", "Gamma"]))
    assert [credit.name for credit in credits if credit.featured] == guests


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ({"BJÖRK": 1, "Björk": 1, "björk": 1}, "Björk"),
        ({"BJÖRK": 2, "Björk": 1}, "BJÖRK"),
        ({"MGMT": 1}, "MGMT"),
        ({"b": 1, "a": 1}, "a"),
    ],
)
def test_the_commonest_spelling(counts: dict[str, int], name: str) -> None:
    assert commonest_spelling(counts) == name
    assert commonest_spelling(dict(reversed(counts.items()))) == name
