"""The page docs/seeds.md has a row for every statement of the seed projects, and names only tests that exist."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
ASKED = [
    f"{letter}{number:02d}"
    for letter, last in (("A", 43), ("P", 21), ("D", 20), ("M", 22), ("B", 46))
    for number in range(1, last + 1)
]
"""The ids, in the order of the page."""
STATES = ("shown", "in part", "documentation only", "absent")
PLANNED = (
    "encoder plug-ins",
    "explorer",
    "identity and providers",
    "layer discovery",
    "meter classifier",
    "scale-out",
    "service hardening",
)
"""The work that a row which is absent, or a part of one, waits for."""
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
FIXED_TORCH = (2, 6)
"""The first release in which ``torch.load(weights_only=True)`` cannot be made to run code (CVE-2025-32434)."""


def table() -> list[list[str]]:
    """The cells of every row whose first cell is an id."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| [A-Z]\d\d \|", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def states() -> dict[str, str]:
    """Id -> the state of the row, with what follows it."""
    return {cells[0]: cells[-1] for cells in table()}


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


def test_every_row_is_there_once_and_in_order() -> None:
    assert len(ASKED) == 152
    assert [cells[0] for cells in table()] == ASKED


def test_every_row_says_what_is_asked_what_shows_it_and_its_state() -> None:
    assert [cells[0] for cells in table() if len(cells) != 4 or not all(cells)] == []
    assert [row for row, state in states().items() if not state.startswith(STATES)] == []


def test_the_counts_above_the_tables_are_those_of_the_tables() -> None:
    counts = Counter(next(kind for kind in STATES if state.startswith(kind)) for state in states().values())
    assert (
        f"{counts['shown']} rows are shown, {counts['in part']} in part, "
        f"{counts['documentation only']} documentation only, {counts['absent']} absent."
    ) in PAGE


def test_a_row_that_is_not_absent_names_what_shows_it() -> None:
    assert [cells[0] for cells in table() if not cells[3].startswith("absent") and "`" not in cells[2]] == []


def test_what_is_absent_names_the_work_that_it_waits_for() -> None:
    absent = {row: re.findall(r"absent \(([\w -]+)\)", state) for row, state in states().items() if "absent" in state}
    assert {row: work for row, work in absent.items() if len(work) != 1 or work[0] not in PLANNED} == {}


def test_no_torch_that_runs_code_from_weights_is_taken() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    floors = [need for need in extras["mert"] if need.startswith("torch")]
    for text, pattern in ((floors[0], r"torch>=(\d+)\.(\d+)"), (pins, r"^torch==(\d+)\.(\d+)")):
        version = re.search(pattern, text, re.MULTILINE)
        assert version is not None
        assert (int(version[1]), int(version[2])) >= FIXED_TORCH
