"""The commands: what they print and write, and how they exit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import soundkin
from tests.evaluation.kin import catalog, families_csv, name
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, write_generation

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit status, stdout and stderr of a command in a home where the families are published."""
    (tmp_path / "home").mkdir()
    write_generation(tmp_path / "home", catalog())
    monkeypatch.setenv("SOUNDKIN_HOME", str(tmp_path / "home"))

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            soundkin.main(list(words))
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return command


def test_a_ceiling_of_zero_is_printed_and_not_averaged(run: Run, tmp_path: Path) -> None:
    truth = families_csv(tmp_path / "t.csv", ["Silent,Nobody,1"])
    code, out, _ = run("evaluate", str(truth), "--k", "2")
    assert code == 0, "an artist that is elsewhere is no fault of the file"
    assert re.search(r"^audio alone: nDCG@2 0\.9.*; overlap at 2 100\.0% of 100\.0% possible", out, re.MULTILINE)
    assert "12 queries; 1 more undefined (ceiling 0)" in out
    assert "NO DATA: success >= 0.85" in out
    assert "FAIL: artists >= 100, found 13.000" in out


def test_the_protocol_of_the_prototype_is_undefined_for_all_seven_artists(run: Run, tmp_path: Path) -> None:
    """Eight artists; the map gives seven of them five neighbours each, none of the eight, and lacks the eighth."""
    artists = tuple(
        MadeArtist(
            id=f"a{row}",
            name=f"Artist {row}",
            tracks=(MadeTrack(title="t", id=f"t{row}", vectors={"low": [1.0, row], "high": [row, 1.0]}),),
        )
        for row in range(8)
    )
    home = tmp_path / "eight"
    home.mkdir()
    write_generation(home, MadeCatalog(artists=artists))
    truth = tmp_path / "t.json"
    lists = [{"query": f"Artist {row}", "items": [f"Elsewhere {row} {n}" for n in range(5)]} for row in range(7)]
    truth.write_text(json.dumps(lists))
    code, out, _ = run("evaluate", str(truth), "--home", str(home))
    assert code == 0
    assert "audio alone: nDCG@5 –; overlap at 5 undefined (ceiling 0) for all 7 queries" in out
    assert "NO DATA: overlap_above_chance_low > 0" in out
    assert "Widen the catalog" in out
    assert "1 artists of the generation have no list in the truth and are not scored" in out


@pytest.mark.parametrize("rows", ["", "Nobody,Nope\n"], ids=["header only", "nobody known"])
def test_a_truth_without_a_query_in_the_generation_passes_nothing_and_ends_with_1(
    run: Run, tmp_path: Path, rows: str
) -> None:
    truth, gates = tmp_path / "t.csv", tmp_path / "g.toml"
    truth.write_text(f"query,item\n{rows}")
    gates.write_text('[[gate]]\nfigure = "span"\nabove = 0.4\n')
    code, out, err = run("evaluate", str(truth), "--thresholds", str(gates))
    assert code == 1
    assert f"no_queries: no query of {truth} is in the generation" in err
    assert "PASS: span > 0.4" in out, "what needs no labels is printed"
    assert "verdict: undecided" in out
    assert "queries" not in out, "no line of a system without queries"
    code, out, err = run("evaluate", str(truth))
    assert code == 1
    assert "nan" not in out
    assert "NO DATA: overlap_above_chance_low > 0\n" in out
    code, out, err = run("evaluate", str(truth), "--json")
    assert (code, json.loads(out)["truth"]["queries"]) == (1, 0)
    assert "no_queries" in err


def test_broken_rows_are_listed_and_end_with_1(run: Run, tmp_path: Path) -> None:
    truth = families_csv(tmp_path / "t.csv", [f"{name(0, 0)},{name(1, 0)},much"])
    code, out, _ = run("evaluate", str(truth))
    assert code == 1
    assert "bad_number" in out


def test_a_file_without_a_header_says_so(run: Run, tmp_path: Path) -> None:
    truth = tmp_path / "t.csv"
    truth.write_text("Low,Codeine,1\n")
    code, _, err = run("evaluate", str(truth))
    assert code == 1
    assert "the first line must name the columns" in err


def test_where_nothing_is_published_it_says_what_to_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = run("report", "--home", str(tmp_path / "empty"))
    assert code == 1
    assert "run soundkin scan, embed, build and publish" in err


def test_json_is_the_whole_run(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", str(families_csv(tmp_path / "t.csv")), "--json")
    assert code == 0
    assert json.loads(out)["truth"]["queries"] == 12


def test_the_report_of_a_run_is_one_page_that_loads_nothing(run: Run, tmp_path: Path) -> None:
    embed = tmp_path / "embed.json"
    cost = {"clips_per_second": 2.0, "hours_per_1000_artists": 0.69, "price_per_1000_artists": 0.73}
    embed.write_text(json.dumps({"seconds": 20.0, "success": {"embedded": 38, "clips": 40}, "cost": cost}))
    truth = families_csv(tmp_path / "t.csv")
    assert run("evaluate", str(truth), "--out", str(tmp_path / "r"), "--embed-report", str(embed))[0] == 0
    page, text = tmp_path / "r.html", tmp_path / "r.md"
    against = ("--against", str(tmp_path / "r" / "evaluation.json"))
    code, _, _ = run("report", str(tmp_path / "r"), "--out", str(page), "--out", str(text), *against)
    assert code == 0
    made, plain = page.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")
    assert re.findall(r"https?://|<script|<link|url\(", made) == []
    assert made.count("data:image/svg+xml;base64,") >= 4
    for title in ("Verdict", "Gates", "What this cannot tell you", "Layers, best first", "Against the other run"):
        assert f"<h2>{title}" in made
        assert f"## {title}" in plain
    assert "| success >= 0.85 | 0.950 | PASS |" in plain
    assert "38 of 40 (95.0 %)" in made
    assert ' class="FAIL">FAIL</td>' in made
    assert "- Thresholds: default. This report cannot show" in plain


def test_a_report_can_measure_by_itself_and_goes_to_stdout(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("report")
    assert code == 0
    assert out.startswith("# Soundkin evaluation")
    assert "There is no truth" in out
    code, out, _ = run("report", "--truth", str(families_csv(tmp_path / "t.csv")))
    assert code == 0
    assert "## Ranking, by system" in out


@pytest.mark.parametrize(
    "words", [("report", "{run}", "--truth", "{truth}"), ("report", "--out", "x.pdf"), ("report", "nowhere.json")]
)
def test_options_that_contradict_each_other_are_wrong_use(words: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    truth = families_csv(tmp_path / "t.csv")
    assert run("evaluate", str(truth), "--out", str(tmp_path / "r"))[0] == 0
    code, _, err = run(*(word.format(run=tmp_path / "r", truth=truth) for word in words))
    assert code == 2
    assert err


def test_thresholds_that_cannot_be_read_stop_it_before_anything_is_measured(run: Run, tmp_path: Path) -> None:
    gates = tmp_path / "g.toml"
    gates.write_text("[[gate]]\nfigure = 'span'\n")
    code, out, err = run("evaluate", str(families_csv(tmp_path / "t.csv")), "--thresholds", str(gates))
    assert (code, out) == (1, "")
    assert "gate 1 needs a figure" in err


@pytest.mark.parametrize("text", ["[]", '{"success": {"embedded": Infinity, "clips": 1}, "cost": null}'])
def test_an_embed_report_that_is_none_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    other = tmp_path / "e.json"
    other.write_text(text)
    code, _, err = run("report", "--embed-report", str(other))
    assert code == 1
    assert "soundkin embed --json" in err
