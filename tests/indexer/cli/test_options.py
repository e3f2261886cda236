"""The table of what could not be used: file names are printed as they are, never read as markup."""

from __future__ import annotations

import pytest

from indexer.cli.options import MAX_LISTED, print_problems


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[x].wav", "[x].wav"),
        ("x[/y].wav", "x[/y].wav"),
        ("x\\[/y].wav", "x\\[/y].wav"),
        (":warning:.wav", ":warning:.wav"),
        ("A\x1b[31mB\n.wav", "A\ufffd[31mB\ufffd.wav"),
    ],
)
def test_a_hostile_name_is_shown_whole_in_every_place(
    name: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_problems(name, [(name, name, name)])
    assert capsys.readouterr().out.count(expected) == 4


def test_a_long_list_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_problems("Rejected", [(f"file{n:03d}", "silent", "-") for n in range(MAX_LISTED + 2)])
    said = capsys.readouterr().out
    assert (said.count("silent"), "file049" in said, "file050" in said) == (MAX_LISTED, True, False)
    assert "2 more" in said


def test_no_problem_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_problems("Rejected", [])
    assert capsys.readouterr().out == ""
