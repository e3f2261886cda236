"""Tables of replies whose names are hostile: brackets are no markup, escapes and newlines no orders."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.console import RenderableType

from pb import soundkin_pb2 as pb
from server.client import tables

HOSTILE = [
    ("[dunkelbunt]", "[dunkelbunt]"),
    ("AC [/DC]", "AC [/DC]"),
    ("x\\[/y]", "x\\[/y]"),
    ("[bold red]loud[/bold red]", "[bold red]loud[/bold red]"),
    (":warning:", ":warning:"),
    ("A\x1b[31mB", "A\ufffd[31mB"),
    ("two\nlines\r", "two\ufffdlines\ufffd"),
]
"""A name, and how it is shown."""


def shown(parts: Iterable[RenderableType], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of 200 columns gets."""
    monkeypatch.setenv("COLUMNS", "200")
    tables.show(*parts)
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "expected"), HOSTILE)
class TestAHostileName:
    """In each place of each table."""

    def test_is_shown_whole_among_similar_artists(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        artist = pb.ArtistSummary(id="i", name=name)
        shares = pb.Explanation(genres=[pb.SharedGenre(genre=name, weight=1)])
        scored = pb.ScoredArtist(artist=artist, score=0.5, explanation=shares)
        reply = pb.SimilarArtistsResponse(seeds=[artist], artists=[scored], not_indexed=[artist])
        said = shown(tables.similar(reply), capsys, monkeypatch)
        assert said.count(expected) == 5  # seed, ranking, explanation with its genre, not indexed
        assert f"1 {expected}" in said

    def test_is_shown_whole_in_a_comparison(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        artist = pb.ArtistSummary(name=name)
        said = shown(tables.compare(pb.CompareArtistsResponse(a=artist, b=artist)), capsys, monkeypatch)
        assert f"{expected} ~ {expected}" in said

    def test_is_shown_whole_among_tracks(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        track = pb.TrackSummary(title=name, artist=pb.ArtistSummary(name=name))
        reply = pb.SimilarTracksResponse(seed=track, tracks=[pb.ScoredTrack(track=track)])
        assert shown(tables.tracks(reply), capsys, monkeypatch).count(expected) == 4

    def test_is_shown_whole_when_it_is_not_ranked(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        missing = pb.ResolvedArtist(message=f"no artist called {name}.")
        said = shown(tables.rank(pb.RankArtistsResponse(unresolved=[missing])), capsys, monkeypatch)
        assert f"Not ranked: no artist called {expected}." in said

    def test_is_shown_whole_when_resolved(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        artist = pb.ArtistSummary(id=name, name=name)
        found = pb.ResolvedArtist(ref=pb.ArtistRef(name=name), resolution=pb.RESOLUTION_FOUND, candidates=[artist])
        reply = pb.ResolveArtistsResponse(artists=[found])
        assert shown(tables.resolve(reply), capsys, monkeypatch).count(expected) == 3

    def test_is_shown_whole_among_facts(
        self, name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = pb.LayerInfo(name=name, description=name)
        reply = pb.GetIndexInfoResponse(encoder=name, weight_profiles=[name], profile=name, layers=[layer])
        assert shown(tables.info(reply), capsys, monkeypatch).count(expected) == 5


def test_a_borrowed_calibration_is_called_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [
        pb.LayerInfo(name="low", calibration=pb.CALIBRATION_PROVISIONAL, calibration_note="borrowed, method pipeline"),
        pb.LayerInfo(name="high", calibration=pb.CALIBRATION_PROVISIONAL, calibration_note="method pipeline"),
    ]
    said = shown(tables.info(pb.GetIndexInfoResponse(layers=layers)), capsys, monkeypatch).splitlines()
    (low,) = (line for line in said if "low" in line.split())
    (high,) = (line for line in said if "high" in line.split())
    assert ("borrowed" in low, "provisional" in low) == (True, False)
    assert ("borrowed" in high, "provisional" in high) == (False, True)
