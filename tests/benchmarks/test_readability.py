"""What the figures of readability count, on a tree small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import readability
from benchmarks.readability_counts import (
    ValueRange,
    body_lengths,
    code_lines,
    comment_lines,
    fullest_folder,
    importers,
    modules,
    short_with_one_importer,
    spread,
)
from benchmarks.readability_recorder import Recorder
from benchmarks.readability_trace import trace_of

ONE = '''"""Two lines
of docstring."""

import pkg.two  # not a full line
from pkg.deep import three


class Kept:
    """Kept."""

    name: str = ""
    """Not code."""

    # a comment
    def long(self) -> str:
        """Not counted."""
        text = """
        # not a comment
        """

        return text
'''
TWO = '''"""Imports inside a function."""


def lazy() -> object:
    from .deep import three

    return three


def documented() -> None:
    """Only this."""
'''
FILES = {
    "front.py": "from pkg import one\n",
    "pkg/__init__.py": '"""A package."""\nfrom pkg.long import X\n',
    "pkg/one.py": ONE,
    "pkg/two.py": TWO,
    "pkg/long.py": "X = 1\n" * 60,
    "pkg/deep/__init__.py": "",
    "pkg/deep/three.py": "# alone\nY = 1\n",
    "pkg/pb/made_pb2.py": "import pkg.one\n",
    "pkg/pb/made_pb2_grpc.py": "",
    "tests/test_one.py": "import pkg.one\n",
    "benchmarks/two.py": "import pkg.two\n",
    "migrations/env.py": "",
    ".venv/site.py": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def test_production_modules_are_neither_tests_nor_generated(tree: Path) -> None:
    assert [module.file for module in modules(tree)] == [
        "front.py",
        "pkg/__init__.py",
        "pkg/deep/__init__.py",
        "pkg/deep/three.py",
        "pkg/long.py",
        "pkg/one.py",
        "pkg/two.py",
    ]
    assert fullest_folder(modules(tree)) == ("pkg", 3)


def test_imports_inside_functions_and_relative_ones_count(tree: Path) -> None:
    assert importers(modules(tree)) == {
        "front": set(),
        "pkg": set(),
        "pkg.deep": set(),
        "pkg.deep.three": {"pkg.one", "pkg.two"},
        "pkg.long": {"pkg"},
        "pkg.one": {"front"},
        "pkg.two": {"pkg.one"},
    }
    assert short_with_one_importer(modules(tree)) == ["pkg/one.py", "pkg/two.py"]


def test_lines_of_code_comments_and_bodies(tree: Path) -> None:
    by = {module.name: module for module in modules(tree)}
    one, three = by["pkg.one"], by["pkg.deep.three"]
    assert (one.lines, code_lines(one), comment_lines(one)) == (21, 9, 1)
    assert (three.lines, code_lines(three), comment_lines(three)) == (2, 1, 1)
    assert body_lengths([one]) == [5]
    assert body_lengths([by["pkg.two"]]) == [3, 0]


def test_a_spread_of_nothing_is_zero() -> None:
    assert spread([]) == ValueRange(median=0.0, p90=0, largest=0)
    assert spread(range(1, 11)) == ValueRange(median=5.5, p90=9, largest=10)


def test_a_call_crosses_a_border_between_two_files_of_the_project() -> None:
    calls = [("loop", "", "a.py"), ("search", "", "b.py"), ("search", "b.py", "b.py"), ("search", "b.py", "c.py")]
    trace = trace_of([*calls, ("search", "c.py", "b.py"), ("search", "b.py", "c.py")])
    assert (trace.answering, trace.entered) == (("b.py", "c.py"), ("a.py", "b.py", "c.py"))
    assert (trace.crossings, trace.borders) == (3, {"b.py -> c.py": 2, "c.py -> b.py": 1})
    assert trace.by_file() == [("b.py", 1, 2), ("c.py", 2, 1), ("a.py", 0, 0)]


def test_the_recorder_knows_the_files_of_its_tree(tmp_path: Path) -> None:
    names = ("pkg/one.py", "pkg/pb/made_pb2.py", ".venv/site.py")
    recorder = Recorder(tmp_path)
    assert [recorder.file(f"{tmp_path}/{name}") for name in names] == ["pkg/one.py", "", ""]
    assert recorder.file(f"{tmp_path}-other/one.py") == ""


def test_the_bars_judge_the_last_tree(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tree", str(tree), "--tree", str(tree), "--text-only"]
    assert readability.main(words) == 0
    monkeypatch.setitem(readability.BARS, "modules", 4)
    assert readability.main(words) == 1
    judged = [row.split() for row in capsys.readouterr().out.splitlines() if "<= 230" in row or "<= 4 " in row]
    assert judged == [["modules", "5", "5", "<=", "230", "PASS"], ["modules", "5", "5", "<=", "4", "FAIL"]]
