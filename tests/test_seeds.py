"""The page docs/seeds.md: every row that was asked for, and no test named that does not exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
ASKED = [
    *("A01", "A02", "A03", *(f"A{number:02d}" for number in range(6, 44))),
    *("P02", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12", "P13", "P14", "P17", "P18", "P19", "P20", "P21"),
    *(f"D{number}" for number in range(13, 19)),
]
STATES = ("shown", "in part", "documentation only", "not in this release")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
FIXED_TORCH = (2, 6)
"""The first release in which ``torch.load(weights_only=True)`` cannot be made to run code (CVE-2025-32434)."""


def rows() -> dict[str, list[str]]:
    """Id -> the cells after it, of every row of the table."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")
    ]
    return {first: rest for first, *rest in cells if re.fullmatch(r"[A-Z]\d\d", first)}


def names_in(file: str) -> set[str]:
    """Names of the test functions of a file, those in classes too."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert (ROOT / file).is_file()
    assert name in names_in(file)


def test_every_mention_of_a_test_is_one_that_is_checked() -> None:
    assert PAGE.count("::test_") == len(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)) > 0


def test_every_row_asked_for_is_there_in_order_with_a_state() -> None:
    assert list(rows()) == ASKED
    assert [row for row, cells in rows().items() if not cells[-1].startswith(STATES)] == []


def test_a_row_that_is_shown_names_what_shows_it() -> None:
    shown = {row: cells[1] for row, cells in rows().items() if not cells[-1].startswith("not in this release")}
    assert [row for row, evidence in shown.items() if "`" not in evidence] == []


def test_no_torch_that_runs_code_from_weights_is_taken() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    floors = [need for need in extras["mert"] if need.startswith("torch")]
    for text, pattern in ((floors[0], r"torch>=(\d+)\.(\d+)"), (pins, r"^torch==(\d+)\.(\d+)")):
        found = re.search(pattern, text, re.MULTILINE)
        assert found is not None
        assert (int(found[1]), int(found[2])) >= FIXED_TORCH
