"""``soundkin playlist`` against a real server, and the lines of its file, which no tag or path can break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from server.client import playlist_file
from server.client.playlist_command import playlist
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, write_generation
from tests.server.conftest import Served, serving


def track(number: int, title: str, *, low: tuple[float, float], path: str) -> MadeTrack:
    return MadeTrack(id=f"t{number}", title=title, path=path, length_ms=61_600, vectors={"low": low, "high": low[::-1]})


MADE = MadeCatalog(
    artists=(
        MadeArtist(id="a", name="Ay", tracks=(track(0, "Song", low=(1, 0), path="/m/söng.ogg"),)),
        MadeArtist(
            id="b",
            name="Bee\N{LINE SEPARATOR}#EXTM3U",
            tracks=(track(1, "Tune", low=(3, 4), path="/m/tune.ogg"), track(2, "Bad", low=(0, 1), path="/m/a\nb.ogg")),
        ),
        MadeArtist(id="s", name="Song", tracks=(track(3, "Ay", low=(4, 3), path="/m/ay.ogg"),)),
    )
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("shown")
    write_generation(home, MADE)
    with serving(home, show_paths=True) as served:
        yield served


def run(server: Served, *words: str) -> Result:
    return CliRunner().invoke(playlist, words, env={"SOUNDKIN_ADDRESS": f"127.0.0.1:{server.port}", "COLUMNS": "100"})


def test_a_file_has_every_track_that_fits_in_a_line(shown: Served, tmp_path: Path) -> None:
    out = tmp_path / "kin.m3u8"
    done = run(shown, "track:Song", "--m3u", str(out))
    assert done.exit_code == 0, done.output
    assert out.read_bytes().decode().splitlines() == [
        "#EXTM3U",
        "#EXTINF:62,Ay - Song",
        "/m/söng.ogg",
        "#EXTINF:62,Song - Ay",
        "/m/ay.ogg",
        "#EXTINF:62,Bee #EXTM3U - Tune",
        "/m/tune.ogg",
    ]
    assert "3 tracks written" in done.output
    assert "does not fit in a line: Bad" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["kin.m3u8"]


def test_another_file_is_written_over_only_by_force(shown: Served, tmp_path: Path) -> None:
    out = tmp_path / "kin.m3u8"
    out.write_text("mine")
    refused = run(shown, "track:Song", "--m3u", str(out))
    assert isinstance(refused.exception, InvalidArgument)
    assert "--force" in str(refused.exception)
    assert out.read_text() == "mine"
    assert run(shown, "track:Song", "--m3u", str(out), "--force").exit_code == 0
    assert out.read_text().startswith("#EXTM3U\n")


def test_a_link_is_replaced_and_never_followed(shown: Served, tmp_path: Path) -> None:
    target, out = tmp_path / "target", tmp_path / "kin.m3u8"
    target.write_text("mine")
    out.symlink_to(target)
    assert isinstance(run(shown, "track:Song", "--m3u", str(out)).exception, InvalidArgument)
    assert run(shown, "track:Song", "--m3u", str(out), "--force").exit_code == 0
    assert (target.read_text(), out.is_symlink()) == ("mine", False)


def test_a_server_without_paths_is_named_as_the_reason(made: Served, tmp_path: Path) -> None:
    refused = run(made, "Ay", "--m3u", str(tmp_path / "kin.m3u8"))
    assert isinstance(refused.exception, InvalidArgument)
    assert "soundkin serve --show-paths" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["gone/kin.m3u8", "."])
def test_a_place_that_cannot_be_written_is_refused_before_a_server_is_asked(tmp_path: Path, name: str) -> None:
    words = ("Ay", "--m3u", str(tmp_path / name))
    refused = CliRunner().invoke(playlist, words, env={"SOUNDKIN_ADDRESS": "127.0.0.1:1"})
    assert isinstance(refused.exception, InvalidArgument)
    assert refused.exception.field == "--m3u"


def test_a_seed_is_an_artist_before_it_is_a_track(shown: Served) -> None:
    def first(word: str) -> str:
        reply = json.loads(run(shown, word, "--json", "--limit", "1").output)
        return str(reply["tracks"][0]["track"]["id"])

    assert [first(word) for word in ("Song", "artist:Song", "track:Song", "Ay - Song", "id:a", "Tune")] == [
        "t3",
        "t3",
        "t0",
        "t0",
        "t0",
        "t1",
    ]
    assert "no artist 'Nobody'" in str(run(shown, "Nobody").exception)


def test_a_chain_is_a_table_too(shown: Served) -> None:
    lines = run(shown, "--from", "Song", "--to", "Bee\N{LINE SEPARATOR}#EXTM3U - Bad", "--steps", "2").output
    assert [line.split()[1] for line in lines.splitlines()[1:5]] == ["Song", "Ay", "Tune", "Bad"]
    assert "1:02" in lines
    assert "4 tracks, 4:06" in lines


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("Ay", "--from", "Song", "--to", "Tune"),
        ("--from", "Song"),
        ("--to", "Song"),
        ("Ay", "--steps", "2"),
        ("Ay", "--force"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(playlist, words).exit_code == 2


@given(artist=st.text(), title=st.text(), path=st.text())
def test_no_text_breaks_a_line(artist: str, title: str, path: str) -> None:
    made = pb.TrackSummary(artist=pb.ArtistSummary(name=artist), title=title, path=f"/m/{path}", duration_ms=1_000)
    text = playlist_file.m3u([made])
    expected = ["#EXTM3U", f"#EXTINF:1,{playlist_file.one_line(f'{artist} - {title}')}", f"/m/{path}"]
    assert text.splitlines() == (expected if playlist_file.can_be_written(f"/m/{path}") else expected[:1])


def test_a_file_made_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "kin.m3u8"
    out.write_text("mine")
    with pytest.raises(InvalidArgument, match="exists"):
        playlist_file.write(out, "#EXTM3U\n", force=False)
    assert (out.read_text(), len(list(tmp_path.iterdir()))) == ("mine", 1)
