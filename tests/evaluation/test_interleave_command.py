"""`soundkin interleave`: a list of two profiles, logged choices, and who wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evaluation.interleave_command import interleave
from recommender.errors import BadInput
from tests.evaluation.kin import catalog, name
from tests.factories import write_generation


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("interleaved")
    write_generation(made, catalog())
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(interleave, words)


def draft(home: Path, log: Path, session: str, *more: str) -> Result:
    words = ("draft", name(0, 0), "--b", "seed", "--log", str(log), "--home", str(home), "--session", session)
    return run(*words, *more)


def test_a_list_of_two_profiles_is_shown_without_teams_and_logged_with_them(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    shown = draft(home, log, "one", "--length", "4")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[0] == "session one"
    assert len(shown.stdout.splitlines()) == 5
    assert "evidence" not in shown.stdout
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["position"] for line in lines] == [1, 2, 3, 4]
    assert {(line["profile_a"], line["profile_b"], line["event"]) for line in lines} == {("evidence", "seed", "shown")}
    again = json.loads(draft(home, tmp_path / "other.jsonl", "one", "--length", "4", "--json").stdout)
    assert [one["id"] for one in again["artists"]] == [line["artist"] for line in lines]


def test_choices_decide_who_wins(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    won = 0
    for number in range(12):
        draft(home, log, f"s{number}")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        places = [one["position"] for one in lines if one["session"] == f"s{number}" and one.get("team") == "a"]
        won += bool(places)
        if places:
            assert run("click", f"s{number}", str(places[0]), "--log", str(log)).exit_code == 0
    found = json.loads(run("judge", str(log), "--json").stdout)
    assert (found["won_a"], found["won_b"], found["won_a"] + found["tied"]) == (won, 0, 12)
    said = run("judge", str(log)).stdout
    assert said.startswith(f"A is evidence, B is seed\nA won {won} sessions, B 0, {12 - won} had no winner\n")
    assert (found["profile_a"], found["profile_b"]) == ("evidence", "seed")
    assert ("people prefer A, evidence" in said) == (won >= 6)


def test_without_a_choice_nothing_is_decided(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    draft(home, log, "one")
    assert "undecided: no session has a winner" in run("judge", str(log)).stdout


def test_a_click_on_what_was_not_shown_is_refused_and_not_logged(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    draft(home, log, "one", "--length", "3")
    before = log.read_text()
    for words in (("other", "1"), ("one", "99")):
        assert isinstance(run("click", *words, "--log", str(log)).exception, BadInput)
    assert log.read_text() == before


def test_a_log_holds_one_pair_of_profiles_and_one_list_a_session(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert draft(home, log, "one").exit_code == 0
    before = log.read_text()
    turned = draft(home, log, "two", "--a", "seed").exception
    assert isinstance(turned, BadInput)
    assert "compares seed with seed, the lines before evidence with seed" in str(turned)
    words = ("draft", name(2, 0), "--b", "seed", "--log", str(log), "--home", str(home), "--session", "one")
    assert "was shown another list before" in str(run(*words).exception)
    assert log.read_text() == before, "what cannot be judged is not logged"
    assert draft(home, log, "one").exit_code == 0, "the same list again changes nothing"


def test_an_unknown_artist_or_profile_says_so(home: Path, tmp_path: Path) -> None:
    log = str(tmp_path / "log.jsonl")
    nobody = run("draft", "Nobody", "--b", "seed", "--log", log, "--home", str(home)).exception
    assert "no artist has the name" in str(nobody)
    loud = run("draft", name(0, 0), "--b", "loud", "--log", log, "--home", str(home)).exception
    assert "evidence, seed" in str(loud)
