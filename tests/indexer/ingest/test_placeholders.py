"""Names that identify nobody, and names of real acts that look like them."""

from __future__ import annotations

import pytest

from indexer.ingest.placeholders import is_placeholder

NOBODY = """
[unknown]|Various Artists|VA|Unknown|<Unknown>|Unknown Artist|N/A|[no artist]|Track 01|unknown artist|(Unknown)|
VARIOUS ARTISTS|Various|V.A.|V/A|V. A.|VVAA|AA.VV.|<Unknown Artist>|Unknown Artist (2)|[anonymous]|[traditional]|
[dialogue]|[data]|[Disney]|[theatre]|[church chimes]|[language instruction]|Track 1|track #12|Audio Track 03|Titel 7|
Verschiedene Interpreten|Verschiedene|Diverse Interpreten|Artistes divers|Artistes variés|Varios Artistas|
Vários Artistas|Artisti Vari|Blandade Artister|Eri esittäjiä|Różni wykonawcy|Разные исполнители|
Unbekannter Künstler|Artiste inconnu|Artista desconocido|Artista sconosciuto|Onbekende artiest|Okänd artist|
Neznámý interpret|Nieznany wykonawca|Неизвестный исполнитель|未知艺术家|未知藝術家|不明なアーティスト|群星|-|--|_|
Çeşitli Sanatçılar|Bilinmeyen Sanatçı|ＵＮＫＮＯＷＮ|  |none|null|
unknown_artist|UnknownArtist|Unknown-Artist|VARIOUS_ARTISTS|no-artist|various artists (2)|华语群星|
default artist|Interpret
"""
REAL = """
Unknown Mortal Orchestra|Anonymous|Anonymous 4|The Unknown|Various Cruelties|Vagabon|Track Dogs|The Track|Data|Disney|
Traditional|!!!|???|Unknown Hinson|Unbekannt Verzogen|Artist 13|No Artist Left Behind|A|VAST|Val|The Various|
Null + Void|nil|Nonartist|The Theatre Organ|Dialogue Trio|群青|未来|Sigur Rós|AC/DC|Track & Field|Unknown Pleasures
"""


@pytest.mark.parametrize("name", [*NOBODY.replace("\n", "").split("|"), ""])
def test_placeholders_are_nobody(name: str) -> None:
    assert is_placeholder(name)


@pytest.mark.parametrize("name", REAL.replace("\n", "").split("|"))
def test_real_acts_are_somebody(name: str) -> None:
    assert not is_placeholder(name)


def test_a_hostile_name_costs_nothing() -> None:
    assert not is_placeholder("[" * 1_000_000)
