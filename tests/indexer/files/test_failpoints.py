"""Failpoints: nothing unless ordered, and then the fault that was ordered, where and when it was."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.files import failpoints
from recommender.errors import InvalidArgument

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    """Read the environment again, and reset the counts of visits."""
    failpoints.injected.cache_clear()
    failpoints._reached.clear()
    yield
    failpoints.injected.cache_clear()
    failpoints._reached.clear()


def test_nothing_happens_when_no_fault_is_set() -> None:
    for name in failpoints.NAMES:
        failpoints.reach(name)


@pytest.mark.parametrize(("fault", "number"), [("enospc", errno.ENOSPC), ("eio", errno.EIO)])
def test_an_injected_error_is_raised_at_its_failpoint_and_visit(
    fault: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, f"file.synced@2:{fault}")
    failpoints.reach("file.synced")
    failpoints.reach("file.written")
    with pytest.raises(OSError, match=r"failpoint file\.synced") as raised:
        failpoints.reach("file.synced")
    assert raised.value.errno == number
    failpoints.reach("file.synced")


def test_a_kill_ends_the_process_without_output() -> None:
    program = "from indexer.files import failpoints; failpoints.reach('file.opened'); print('alive')"
    environment = {**os.environ, failpoints.VARIABLE: "file.opened"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-9, b"")


@pytest.mark.parametrize("text", ["nowhere", "file.synced:fire", "file.synced@x", ":kill"])
def test_a_fault_that_cannot_be_parsed_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, text)
    with pytest.raises(InvalidArgument, match="NAME of"):
        failpoints.reach("file.opened")


def test_the_names_are_those_that_the_code_reaches() -> None:
    found = set()
    for path in (ROOT / "indexer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "reach":
                found |= {ast.literal_eval(argument) for argument in node.args}
    assert found - {"name"} == {*failpoints.NAMES}
