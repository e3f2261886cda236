"""The client commands against a real server: readable tables, exact JSON, and errors one can act on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError, Unavailable
from recommender.fusion.profiles import BASE
from recommender.types import Use
from server import serve_command
from server.client import commands
from server.client.client import Client
from tests.server.ask import by_evidence, walked_alone
from tests.server.conftest import Served

ROOT = Path(__file__).resolve().parents[3]

BEE = by_evidence(cosine=0.6, walked=walked_alone(0.5), genre=0.25)
CE = by_evidence(cosine=0.0, genre=2 / 3)
"""Scores with Ay by the definition of the default."""


def run(made: Served, command: click.Command, *arguments: str) -> Result:
    """Run ``command`` at 80 columns and no terminal; errors of ours come back as its exception."""
    return CliRunner().invoke(command, arguments, env={"SOUNDKIN_ADDRESS": f"127.0.0.1:{made.port}", "COLUMNS": "80"})


def rows(result: Result) -> list[list[str]]:
    """Words of the lines that start with a rank."""
    return [line.split() for line in result.stdout.splitlines() if re.match(r" *\d+ ", line)]


def test_similar_shows_rank_artist_score_and_every_signal(made: Served) -> None:
    result = run(made, commands.similar, "ay", "--profile=seed")
    assert result.exit_code == 0
    assert rows(result) == [
        ["1", "Bee", "0.475", "0.60/0.23", "0.50/0.19", "0.25/0.06", "–"],
        ["2", "Cé", "0.267", "0.00/0.00", "–", "0.67/0.27", "–"],
    ]
    assert result.stdout.splitlines()[-1].startswith("generation 1, space made-")
    scores = [f"{score:.3f}" for score in (BEE, CE)]
    assert [row[2] for row in rows(run(made, commands.similar, "ay"))] == scores, "the default is evidence"


def test_no_line_is_wider_than_80_columns_nor_coloured(made: Served) -> None:
    for command, arguments in (
        (commands.similar, ("ay", "id:b", "--explain")),
        (commands.compare, ("bee", "dee")),
        (commands.rank, ("ay", "--lineup=bee", "--lineup=id:e", "--explain")),
        (commands.tracks, ("Ay - Song",)),
        (commands.resolve, ("ay", "dee")),
        (commands.info, ()),
    ):
        result = run(made, command, *arguments)
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert "\x1b" not in result.stdout


def test_explain_says_what_is_shared(made: Served) -> None:
    said = run(made, commands.similar, "ay", "--explain").stdout
    assert "1. Bee: listed together (0.50); genres x; sounds nearest in “Song” and “Tune” (0.60)" in " ".join(
        said.split()
    )


def test_json_is_the_reply_whole_with_zeros_and_nothing_for_silence(made: Served) -> None:
    reply = json.loads(run(made, commands.similar, "mbid:m-a", "--json").stdout)
    assert [artist["artist"]["name"] for artist in reply["artists"]] == ["Bee", "Cé"]
    silent = reply["artists"][1]["breakdown"][3]
    assert silent == {"signal": "SIGNAL_COLLABORATION", "available": False, "weight": 0.0, "contribution": 0.0}
    assert reply["not_indexed"] == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--layer", "high", "--weight", "audio=1"), ["Cé", "Bee"]),
        (("--aspect", "hears high", "--weight", "audio=2"), ["Cé", "Bee"]),
        (("--mix", "low=1,high=3", "--weight", "audio=1", "--weight", "genre=0"), ["Cé", "Bee"]),
        (("--candidate", "id:c", "--candidate", "bee", "--exclude", "BEE"), ["Cé"]),
        (("--genre", "x"), ["Bee"]),
        (("--min-tracks", "2"), []),
        (("--limit", "1", "--profile", "seed"), ["Bee"]),
    ],
)
def test_options_reach_the_server(made: Served, options: tuple[str, ...], names: list[str]) -> None:
    reply = json.loads(run(made, commands.similar, "ay", "--json", *options).stdout)
    assert [artist["artist"]["name"] for artist in reply["artists"]] == names


def test_compare_shows_a_line_a_signal_and_why(made: Served) -> None:
    said = run(made, commands.compare, "bee", "dee", "--profile=seed").stdout
    assert "Bee ~ Dee: 0.700" in said
    assert re.search(r"collaboration +0\.700 +0\.700 +– +1\.00 +0\.700", said)
    assert re.search(r"audio +– +– +– +0\.00 +0\.000", said)
    assert re.search(r"^why: +Bee and Dee: they share “Joined” \(joint\)\. *$", said, re.MULTILINE)
    assert re.search(r"^together: +“Joined” \(joint\) *$", said, re.MULTILINE)
    assert "Dee has no embedding yet" in said


def test_compare_shows_all_that_is_shared_with_its_weights(made: Served) -> None:
    said = run(made, commands.compare, "ay", "bee").stdout
    assert re.search(r"^genres: +x \(0\.50\) *$", said, re.MULTILINE)
    assert re.search(r"^nearest: +“Song” and “Tune” \(0\.60\) *$", said, re.MULTILINE)
    assert re.search(r"^above all in: +hears low *$", said, re.MULTILINE)
    parts = [float(line.split()[-1]) for line in said.splitlines()[2:7]]
    assert parts[-1] == BASE, "what an unrelated pair has comes last"
    assert sum(parts) == pytest.approx(BEE, abs=0.003)
    assert "both near" not in said, "they have no neighbour in common"


def test_compare_without_any_opinion_says_so(made: Served) -> None:
    assert "Dee ~ Cé: no signal has an opinion" in run(made, commands.compare, "dee", "cé").stdout


@pytest.mark.parametrize("name", ["tune", "Bee - Tune", "id:t1"])
def test_a_track_is_found_by_title_artist_and_title_or_id(made: Served, name: str) -> None:
    result = run(made, commands.tracks, name)
    assert rows(result) == [["1", "Song", "Cé", "0.800"], ["2", "Song", "Ay", "0.600"]]
    assert "Sounds like Bee - Tune" in result.stdout


def test_a_track_that_cannot_be_heard_says_so(made: Served) -> None:
    assert "no embedding yet" in run(made, commands.tracks, "Ay - Unheard").stdout


def test_resolve_lists_everyone_and_exits_1_when_someone_is_not_found(made: Served) -> None:
    result = run(made, commands.resolve, "ay", "twin", "nobody")
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()[1:5]]
    assert lines == [
        ["ay", "found", "Ay", "a"],
        ["twin", "ambiguous", "Twin", "e"],
        ["twin", "ambiguous", "TWIN", "f"],
        ["nobody", "not", "found"],
    ]


def test_rank_orders_a_line_up_of_names_and_files(made: Served, tmp_path: Path) -> None:
    bill = tmp_path / "bill.txt"
    bill.write_text("\ufeffCé\n\n  bee \nid:e\n", encoding="utf-8")
    said = run(made, commands.rank, "ay", f"--lineup={bill}", "--lineup=The Ay", "--explain").stdout
    assert "For Ay" in said
    bee, ce = (re.escape(f"{score:.3f}") for score in (BEE, CE))
    assert re.search(rf"1 +Ay +1\.000.*\n2 +Bee +{bee}.*\n3 +Cé +{ce}.*\n4 +Twin +– +– +–", said)
    assert "2. Bee:" in said


def test_rank_names_who_is_not_known_and_says_so_by_its_status(made: Served, tmp_path: Path) -> None:
    ended = run(made, commands.rank, "ay", "--lineup=bee", "--lineup=nobody", "--lineup=twin")
    assert ended.exit_code == 1
    said = " ".join(ended.stdout.split())
    assert "Not ranked: no artist 'nobody'; no spelling or alias matches" in said
    several = "Not ranked: 2 artists are called 'twin'; ask by id: Twin [tracks: 0] (e), TWIN [tracks: 0] (f)"
    assert several in said
    assert re.search(r"1 +Bee", ended.stdout)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig", "utf-32"])
def test_a_line_up_is_read_in_any_encoding_of_unicode(made: Served, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "bill.txt").write_bytes("Cé\r\nbee\r\n".encode(encoding))
    ended = run(made, commands.rank, "ay", f"--lineup={tmp_path / 'bill.txt'}")
    assert [row[1] for row in rows(ended)] == ["Bee", "Cé"]
    assert (ended.exit_code, ended.stderr) == (0, "")


def test_a_line_that_is_not_unicode_costs_that_line(made: Served, tmp_path: Path) -> None:
    bill = tmp_path / "bill.txt"
    bill.write_bytes(b"C\xe9\nbee\n")
    ended = run(made, commands.rank, "ay", f"--lineup={bill}")
    assert [row[1] for row in rows(ended)] == ["Bee"]
    assert (ended.exit_code, ended.stderr) == (
        1,
        f"soundkin: {bill}, line 1: is not UTF-8; save the file as UTF-8\n",
    )
    reply = json.loads(run(made, commands.rank, "ay", f"--lineup={bill}", "--json").stdout)
    assert reply["bad_lines"] == [{"file": str(bill), "line": 1, "problem": "is not UTF-8; save the file as UTF-8"}]
    assert [line["artist"]["name"] for line in reply["artists"]] == ["Bee"]
    bill.write_bytes(b"C\xe9\n")
    assert isinstance(run(made, commands.rank, "ay", f"--lineup={bill}").exception, InvalidArgument)


def test_several_names_in_a_line_and_wording_are_told(made: Served, tmp_path: Path) -> None:
    (tmp_path / "bill.txt").write_text("Bee, Cé\nDee (live) [US]\n", encoding="utf-8")
    ended = run(made, commands.rank, "ay", f"--lineup={tmp_path / 'bill.txt'}")
    assert sorted(row[1] for row in rows(ended)) == ["Bee", "Cé", "Dee"]
    assert ended.exit_code == 0
    assert '"Bee, Cé" is unknown and was read as "Bee", "Cé"' in ended.stdout
    assert '"Dee (live) [US]" is unknown and was read as "Dee"' in ended.stdout


def test_who_may_be_meant_is_shown_and_not_taken(made: Served) -> None:
    ended = run(made, commands.resolve, "The Bee", "Dee DJ set")
    assert ended.exit_code == 1
    assert "no artist 'The Bee'; did you mean Bee (0.99)?" in ended.stdout
    assert '"Dee DJ set" is unknown and was read as "Dee"' in ended.stdout
    reply = json.loads(run(made, commands.resolve, "The Bee", "--json").stdout)
    assert reply["artists"][0]["suggestions"] == [{"artist": {"id": "b", "name": "Bee"}, "score": 0.99, "why": "the"}]
    error = run(made, commands.similar, "Bee (live)").exception
    assert isinstance(error, NotFound)
    assert str(error) == "no artist 'Bee (live)'; did you mean Bee (0.99)?"
    assert [(one.artist_id, one.why) for one in error.suggestions] == [("b", "wording")]


def test_the_likeliest_title_is_shown(made: Served) -> None:
    error = run(made, commands.tracks, "Bee - Tunes").exception
    assert isinstance(error, NotFound)
    assert str(error) == "no track 'Tunes'; did you mean Tune by Bee (0.89)?"
    assert [(one.track_id, one.title, one.artist_id) for one in error.suggestions] == [("t1", "Tune", "b")]


@pytest.mark.parametrize("name", ["ay\u200b", "\ufeffAy", "\u202aAy\u202c"])
def test_a_name_that_was_pasted_from_the_web_is_found(made: Served, name: str) -> None:
    assert rows(run(made, commands.similar, name))[0][1] == "Bee"


def test_lines_of_a_line_up_that_begin_with_a_hash_are_skipped(made: Served, tmp_path: Path) -> None:
    (tmp_path / "bill.txt").write_text("# tonight\nbee\n  # id:c\n", encoding="utf-8")
    ended = run(made, commands.rank, "ay", f"--lineup={tmp_path / 'bill.txt'}")
    assert [row[1] for row in rows(ended)] == ["Bee"]
    assert ended.exit_code == 0, "nobody called '# tonight' is missed"


@pytest.mark.parametrize(
    ("line_up", "words"),
    [
        ("none.txt", "no such file 'none.txt'"),
        ("folder.txt", "no such file 'folder.txt'"),
        ("folder/none", "no file and no artist is called 'folder/none'"),
        ("folder", "'folder' is a folder and no artist's name"),
        ("empty.txt", "empty.txt has no names"),
        ("remarks", "remarks has no names"),
    ],
)
def test_a_file_of_a_line_up_that_is_none_is_wrong_usage(
    made: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line_up: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.txt"):
        Path(folder).mkdir()
    Path("empty.txt").touch()
    Path("remarks").write_text("# bee\n\n", encoding="utf-8")
    ended = run(made, commands.rank, "ay", f"--lineup={line_up}", "--lineup=bee")
    assert isinstance(ended.exception, InvalidArgument)
    assert words in str(ended.exception)


def test_a_folder_or_a_path_in_a_line_up_that_an_artist_is_called_is_that_artist(
    made: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bee").mkdir()
    ended = run(made, commands.rank, "ay", "--lineup=bee", "--lineup=id:a/b.txt", "--lineup=nobody")
    assert rows(ended)[0][:2] == ["1", "Bee"]
    assert ended.exit_code == 1, "an id is no path, and a name without a separator may be unknown"
    (tmp_path / "bill").write_text("AC/DC\nbee\n", encoding="utf-8")
    assert run(made, commands.rank, "ay", "--lineup=bill").exit_code == 1, "a line of a file is a name"


def test_one_clip_is_what_tracks_are_asked_for(made: Served, tmp_path: Path) -> None:
    clips = [tmp_path / name for name in ("a.wav", "b.wav")]
    for clip in clips:
        clip.write_bytes(b"RIFF")
    ended = run(made, commands.tracks, *(f"--audio={clip}" for clip in clips))
    assert ended.exit_code == 2
    assert "give --audio once" in ended.stderr


def test_info_shows_counts_and_layers(made: Served) -> None:
    said = run(made, commands.info).stdout
    assert "6 (3 with an embedding)" in said
    assert re.search(r"low +1\.00 +uncalibrated +the low layer", said)


@pytest.mark.parametrize(
    ("command", "arguments", "kind", "words"),
    [
        (commands.similar, ("twin",), AmbiguousName, "Twin [tracks: 0] (e), TWIN [tracks: 0] (f)"),
        (commands.similar, ("nobody",), NotFound, "no artist 'nobody'"),
        (commands.similar, ("ay", "--layer", "L99"), NotFound, "low, high"),
        (commands.similar, ("ay", "--weight", "audio=-1"), InvalidArgument, "at least 0"),
        (commands.similar, ("ay", "--weight", "loudness=1"), InvalidArgument, "audio, scene, genre, collaboration"),
        (commands.similar, ("ay", "--weight", "audio"), InvalidArgument, "NAME=NUMBER"),
        (commands.similar, ("ay", "--mix", "low=x"), InvalidArgument, "NAME=NUMBER"),
        (commands.similar, ("ay", "--layer", "low", "--aspect", "both"), InvalidArgument, "choose one"),
        (commands.similar, ("ay", "--profile", "seed", "--weight", "audio=1"), InvalidArgument, "choose one"),
        (commands.tracks, ("Nobody - Nothing",), NotFound, "no artist 'Nobody'"),
        (commands.tracks, ("song",), AmbiguousName, "Song by Ay (t0)"),
    ],
)
def test_an_error_says_what_to_do(
    made: Served, command: click.Command, arguments: tuple[str, ...], kind: type[SoundkinError], words: str
) -> None:
    error = run(made, command, *arguments).exception
    assert type(error) is kind
    assert words in str(error)


def test_an_ambiguous_name_keeps_its_candidates(made: Served) -> None:
    error = run(made, commands.similar, "twin").exception
    assert isinstance(error, AmbiguousName)
    assert (error.kind, error.wanted) == ("artist", "twin")
    assert error.candidates == (("e", "Twin [tracks: 0]"), ("f", "TWIN [tracks: 0]"))


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", ":1", "127.0.0.1:65536"])
def test_an_address_that_is_none_is_wrong_use(address: str) -> None:
    with pytest.raises(InvalidArgument, match=f"--address: '{address}' is not HOST:PORT"):
        Client(address)


def test_no_server_is_said_to_be_none() -> None:
    with (
        Client("127.0.0.1:1", deadline_s=5) as client,
        pytest.raises(Unavailable, match="start one with `soundkin serve`"),
    ):
        client.get_index_info()


def test_names_no_terminal_here_can_show_do_not_stop_the_answer(made: Served) -> None:
    said = {}
    for option in ("--limit=2", "--json"):
        command = [sys.executable, "soundkin.py", "similar", "ay", f"--address=127.0.0.1:{made.port}", option]
        plain_terminal = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
        said[option] = subprocess.run(command, cwd=ROOT, env=plain_terminal, capture_output=True, check=True).stdout
    assert b" C?" in said["--limit=2"]
    assert json.loads(said["--json"])["artists"][1]["artist"]["name"] == "Cé"


def test_the_commands_load_without_a_home_folder() -> None:
    code = (
        "import pathlib\n"
        "def homeless(): raise RuntimeError('Could not determine home directory.')\n"
        "pathlib.Path.home = homeless\n"
        "import server.client.commands\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_serve_takes_every_profile_there_is() -> None:
    assert list(serve_command.USES) == [profile.value for profile in Use]


def test_loading_the_commands_does_not_load_numpy_before_its_threads_are_set() -> None:
    code = "import sys, server.client.commands; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("command", [["similar"], ["compare", "A"], ["tracks"], ["resolve"]])
def test_a_name_that_is_not_utf8_is_an_error_of_one_line(command: list[str]) -> None:
    words: list[str | bytes] = [sys.executable, "-m", "soundkin", *command, b"\xff\xfe"]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    where = tmp_path / "nowhere" / "port"
    words = [sys.executable, "-m", "soundkin", "serve", "--listen", "127.0.0.1:0", "--home", str(tmp_path)]
    done = subprocess.run([*words, "--port-file", str(where)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_made_is_an_error_of_one_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "soundkin", "scan", str(tmp_path), "--home", "/dev/null/home"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
