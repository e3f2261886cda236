"""The command line in this process, for the tests of commands that work on a home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import soundkin

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit status, stdout and stderr of a command in a home of its own."""
    monkeypatch.setenv("SOUNDKIN_HOME", str(tmp_path))

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            soundkin.main(list(words))
        output = capsys.readouterr()
        return int(left.value.code or 0), output.out, output.err

    return command
