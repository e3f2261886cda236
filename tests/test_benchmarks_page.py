"""`make bench`: the page is made of what the scripts measured, and keeps what could not be measured here."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from benchmarks import run

SCRIPT = """
    import argparse, json, pathlib

    def add_json_option(parser):
        parser.add_argument("--json", type=pathlib.Path, dest="out")

    def parse():
        parser = argparse.ArgumentParser()
        add_json_option(parser)
        return parser.parse_args()

    out = parse().out
    {body}
"""
"""Alone in its folder, where nothing of ours can be imported."""
RESULT = {
    "title": "Retrieval",
    "command": "python -m benchmarks.retrieval",
    "machine": "two cores",
    "table_markdown": "| layer | hits |\n|---|---|\n| timbre | 0.5 |\n",
    "notes": ["chance is 0.05"],
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with a benchmarks and a docs folder."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "PAGE", tmp_path / "docs" / "benchmarks.md")
    monkeypatch.setattr(run, "RESULTS", tmp_path / "benchmarks" / "results")
    monkeypatch.setattr(run, "made_now", lambda: "today")
    return tmp_path


def add_claim(house: Path, name: str, body: str) -> None:
    """Write the script of a claim."""
    (house / "benchmarks" / f"{name}.py").write_text(textwrap.dedent(SCRIPT.format(body=body)), encoding="utf-8")


def page(house: Path) -> str:
    """The page as it stands."""
    return (house / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_a_measurement_becomes_a_section_with_its_command_table_and_notes(house: Path) -> None:
    add_claim(house, "retrieval", f"out.write_text({json.dumps(RESULT)!r})")
    assert run.main([]) == 0
    assert page(house) == (
        f"{run.HEAD}\n<!-- benchmarks/retrieval.py -->\n\n## Retrieval\n\n"
        "`python -m benchmarks.retrieval` on two cores; today\n\n"
        "| layer | hits |\n|---|---|\n| timbre | 0.5 |\n\n- chance is 0.05\n"
    )


def test_measuring_again_changes_nothing_but_what_was_measured(house: Path) -> None:
    add_claim(house, "retrieval", f"out.write_text({json.dumps(RESULT)!r})")
    add_claim(house, "cost", f"out.write_text({json.dumps(RESULT | {'title': 'Cost'})!r})")
    run.main([])
    before = page(house)
    run.main(["cost"])
    assert page(house) == before
    assert before.index("## Cost") < before.index("## Retrieval")


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("raise SystemExit(3)", 1)])
def test_a_claim_that_cannot_be_measured_here_keeps_its_section(house: Path, body: str, status: int) -> None:
    add_claim(house, "retrieval", f"out.write_text({json.dumps(RESULT)!r})")
    run.main([])
    before = page(house)
    add_claim(house, "retrieval", body)
    assert run.main([]) == status
    assert page(house) == before


def test_the_section_of_a_claim_that_is_gone_goes(house: Path) -> None:
    add_claim(house, "retrieval", f"out.write_text({json.dumps(RESULT)!r})")
    run.main([])
    (house / "benchmarks" / "retrieval.py").unlink()
    run.main([])
    assert "Retrieval" not in page(house)


def test_the_runner_and_modules_without_json_are_no_claims(house: Path) -> None:
    add_claim(house, "run", "pass")
    add_claim(house, "retrieval", "pass")
    (house / "benchmarks" / "fit_constants.py").write_text("print('fitted')", encoding="utf-8")
    assert run.claims(house / "benchmarks") == ("retrieval",)


def test_an_unknown_claim_is_wrong_usage(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run.main(["speed"])
    assert left.value.code == 2
    assert "unknown claim: speed" in capsys.readouterr().err


def test_a_missed_bar_is_kept_shown_and_told_by_the_status(house: Path) -> None:
    missed = RESULT | {"bars": [{"name": "speed", "value": 1.0, "threshold": 2.0, "at_least": True}]}
    add_claim(house, "retrieval", f"out.write_text({json.dumps(missed)!r}); raise SystemExit(1)")
    assert run.main([]) == 1
    assert "- FAIL: speed 1 (bar: at least 2)" in page(house)


def test_the_page_alone_is_written_from_what_was_kept(house: Path) -> None:
    add_claim(house, "retrieval", f"out.write_text({json.dumps(RESULT)!r})")
    run.main([])
    before = page(house)
    (house / "docs" / "benchmarks.md").unlink()
    add_claim(house, "retrieval", "raise SystemExit(3)")
    assert run.main(["--page"]) == 0
    assert page(house) == before


def test_the_page_in_the_repository_is_that_of_the_kept_results() -> None:
    assert run.PAGE.read_text(encoding="utf-8") == run.write_page(run.claims(run.ROOT / "benchmarks"))
    for path in run.RESULTS.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["made"], path.name
