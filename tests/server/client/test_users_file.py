"""Users in a file, and what the command makes of them and of a line-up with days and stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recommender.errors import InvalidArgument
from server.client import commands
from server.client.users_file import read_users
from tests.server.conftest import Served

CSV = "user,seed,negative\nann,Ay,Dee\nbob,Bee,\nann,id:c,\n"
PLAYS = "Artist,Day,Stage\nBee,Saturday,Main Stage\nCé,Sunday,Tent\nDee,Saturday,\n"


def rank(made: Served, *words: str) -> Result:
    environment = {"SOUNDKIN_ADDRESS": f"127.0.0.1:{made.port}", "COLUMNS": "80"}
    return CliRunner().invoke(commands.rank, words, env=environment)


def test_rows_of_one_user_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(CSV, encoding="utf-8")
    ann, bob = read_users(tmp_path / "users.csv")
    assert (ann.key, [ref.name or ref.id for ref in ann.seeds]) == ("ann", ["Ay", "c"])
    assert [ref.name for ref in ann.negative_seeds] == ["Dee"]
    assert (bob.key, len(bob.seeds), len(bob.negative_seeds)) == ("bob", 1, 0)


def test_json_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(CSV, encoding="utf-8")
    facts = [{"user": "ann", "seeds": ["Ay", "id:c"], "negative": ["Dee"]}, {"user": "bob", "seeds": ["Bee"]}]
    (tmp_path / "users.json").write_text(json.dumps(facts), encoding="utf-8")
    assert read_users(tmp_path / "users.json") == read_users(tmp_path / "users.csv")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("users.csv", b"", "no users"),
        ("users.csv", b"name,likes\nann,Ay\n", "no columns user and seed"),
        ("users.csv", b"user,seed\nann,C\xe9\n", "line 2: is not UTF-8"),
        ("users.json", b"[]", "no users"),
        ("users.json", b"{", "not a list of users"),
        ("users.json", b'[{"user": "ann", "seed": "Ay"}]', "not a list of users"),
    ],
)
def test_a_file_that_names_no_users_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgument, match=words):
        read_users(tmp_path / name)


def test_the_command_ranks_for_each_and_tells_the_best_of_each_day(made: Served, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "plays.csv").write_text(PLAYS, encoding="utf-8")
    words = [f"--users={tmp_path / 'users.csv'}", f"--lineup={tmp_path / 'plays.csv'}"]
    shown = rank(made, *words)
    assert shown.exit_code == 0, shown.output
    assert [line for line in shown.stdout.splitlines() if line.startswith("For ")] == ["For ann", "For bob"]
    assert "Saturday, Main Stage: Bee (" in " ".join(shown.stdout.split())
    assert max(map(len, shown.stdout.splitlines())) <= 80
    reply = json.loads(rank(made, *words, "--json", "--limit=1").stdout)
    assert [one["key"] for one in reply["users"]] == ["ann", "bob"]
    assert [len(one["artists"]) for one in reply["users"]] == [1, 1]
    names = [group["name"] for group in reply["users"][0]["groups"]]
    assert names == ["Saturday, Main Stage", "Sunday, Tent", "Saturday"]


def test_one_person_gets_the_best_of_each_day_too(made: Served, tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text(PLAYS, encoding="utf-8")
    shown = rank(made, "ay", f"--lineup={tmp_path / 'plays.csv'}")
    assert "Sunday, Tent: Cé (" in " ".join(shown.stdout.split())


def test_a_user_without_an_answer_is_told_and_ends_with_1(made: Served, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user,seed\nann,Ay\nbob,Nobody\n", encoding="utf-8")
    ended = rank(made, f"--users={tmp_path / 'users.csv'}", "--lineup=bee")
    assert ended.exit_code == 1
    assert "Not answered: no artist 'Nobody'" in ended.stdout
    assert "Bee" in ended.stdout


def test_seed_and_users_exclude_each_other(made: Served, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(CSV, encoding="utf-8")
    assert rank(made, "ay", f"--users={tmp_path / 'users.csv'}", "--lineup=bee").exit_code == 2
    assert rank(made, "--lineup=bee").exit_code == 2
