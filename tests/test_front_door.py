"""The command `soundkin` itself: quick help, lazy commands, one clear line for an error, honest exit status."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import soundkin
from recommender.errors import (
    AmbiguousName,
    BadInput,
    Busy,
    GenerationCorrupt,
    InvalidArgument,
    InvalidPageToken,
    InvalidWeights,
    NotFound,
    NothingToServe,
    SoundkinError,
    Unavailable,
)
from recommender.extras import EXTRAS

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("numpy", "scipy", "faiss", "librosa", "sqlalchemy", "grpc", "rich", "indexer", "server")


def run(monkeypatch: pytest.MonkeyPatch, command: click.Command, *arguments: str) -> int:
    """Exit status of `soundkin probe`, where ``probe`` is ``command``."""
    monkeypatch.setattr(sys.modules[__name__], "probe", command, raising=False)
    monkeypatch.setitem(soundkin.COMMANDS, "probe", (f"{__name__}:probe", "Try it."))
    return leave("probe", *arguments)


def leave(*arguments: str) -> int:
    """Exit status of `soundkin` with these arguments."""
    with pytest.raises(SystemExit) as left:
        soundkin.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def raising(error: Exception) -> click.Command:
    """A command that fails with ``error``."""

    @click.command()
    def command() -> None:
        raise error

    return command


def start_help() -> subprocess.CompletedProcess[str]:
    """`soundkin --help` in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "soundkin.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )


def test_help_lists_every_command_with_its_line() -> None:
    lines = [line.split(maxsplit=1) for line in start_help().stdout.splitlines()]
    for name, (_, line) in soundkin.COMMANDS.items():
        assert [name, line] in lines


def test_help_groups_every_command_once_in_the_order_of_use() -> None:
    assert [name for names in soundkin.GROUPS.values() for name in names] == list(soundkin.COMMANDS)
    lines = start_help().stdout.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles[-len(soundkin.GROUPS) :] == [f"{title}:" for title in soundkin.GROUPS]


def test_help_takes_less_than_three_tenths_of_a_second() -> None:
    def cpu_s() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start_help()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_s() for _ in range(3)) < 0.3


def test_help_imports_no_program_and_no_large_library() -> None:
    code = (
        "import sys, soundkin\n"
        "try: soundkin.main(['--help'])\n"
        "except SystemExit: print('LOADED', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = output.splitlines()[-1].split()
    assert loaded[0] == "LOADED"
    assert "click" in loaded
    assert set(loaded) & set(HEAVY) == set()


@pytest.mark.parametrize("name", soundkin.COMMANDS)
def test_every_command_is_where_the_table_says_and_has_help(name: str) -> None:
    context = click.Context(soundkin.front_door)
    command = soundkin.front_door.get_command(context, name)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str()


def commands_below(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """``command`` and its sub-commands, with the words that call each."""
    yield name, command
    if isinstance(command, click.Group):
        for part, below in command.commands.items():
            yield from commands_below(below, f"{name} {part}")


@pytest.mark.parametrize("name", soundkin.COMMANDS)
def test_the_help_of_every_command_has_an_example_that_calls_it(name: str) -> None:
    context = click.Context(soundkin.front_door)
    command = soundkin.front_door.get_command(context, name)
    assert command is not None
    for words, one in commands_below(command, name):
        help_lines = one.get_help(click.Context(one, info_name=words)).splitlines()
        example = help_lines[[line.strip() for line in help_lines].index("Example:") + 1 :]
        assert example[0].strip().startswith(f"soundkin {words}"), words


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        soundkin.main(["dance"])
    assert left.value.code == 2
    assert "No such command 'dance'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        InvalidArgument("limit", "must be positive"),
        InvalidWeights("weights", "all are zero"),
        InvalidPageToken("made by another request"),
        NotFound("artist", "Nobody"),
        AmbiguousName("artist", "Bush", [("a", "Bush"), ("b", "Kate Bush")]),
    ],
)
def test_asking_wrongly_exits_2(
    error: SoundkinError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(error)) == 2
    assert capsys.readouterr().err == f"soundkin: {error}\n"


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("nothing is published; run soundkin build"),
        GenerationCorrupt("20260101", "manifest.json", "missing"),
        BadInput("silent", "nothing to hear"),
    ],
)
def test_any_other_failure_of_ours_exits_1(
    error: SoundkinError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(error)) == 1
    assert capsys.readouterr().err == f"soundkin: {error}\n"


def test_a_lock_that_another_has_exits_with_the_status_that_means_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(Busy("home.lock", "process 7"))) == 75
    assert "process 7" in capsys.readouterr().err


def test_a_server_with_nothing_to_serve_exits_with_the_status_that_means_set_me_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(NothingToServe("nothing is published"))) == 78
    assert "--wait" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "extra"),
    [
        ("torch", "mert"),
        ("transformers.models", "mert"),
        ("faiss", "cpu"),
        ("matplotlib", "evaluate"),
        ("ir_measures", "evaluate"),
        ("sqlalchemy", "catalog"),
        ("av.codec", "indexer"),
    ],
)
def test_a_missing_extra_is_named(
    missing: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(ModuleNotFoundError(f"No module named {missing!r}", name=missing))) == 1
    assert f"soundkin[{extra}]" in capsys.readouterr().err


def test_a_command_names_the_extra_that_all_of_its_work_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(soundkin.NEEDS, "probe", "indexer")
    assert run(monkeypatch, raising(ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy"))) == 1
    message = "`soundkin probe` needs the indexer extra (sqlalchemy is not installed): pip install 'soundkin[indexer]'"
    assert capsys.readouterr().err == f"soundkin: {message}\n"


def test_every_extra_names_the_commands_that_need_it() -> None:
    assert set(soundkin.NEEDS) <= set(soundkin.COMMANDS)
    for command, extra in soundkin.NEEDS.items():
        assert re.search(rf"\b{command}\b", EXTRAS[extra].needed_by)


def test_a_missing_module_that_no_extra_brings_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        run(monkeypatch, raising(ModuleNotFoundError("No module named 'nowhere'", name="nowhere")))


def test_a_command_whose_module_is_not_there_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(soundkin.COMMANDS, "probe", ("indexer.nowhere:probe", "Not there."))
    with pytest.raises(ModuleNotFoundError, match=r"indexer\.nowhere"):
        soundkin.main(["probe"])


def test_every_flag_can_be_given_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (music := tmp_path / "music").mkdir()
    monkeypatch.setenv("SOUNDKIN_HOME", str(tmp_path / "home"))
    assert leave("scan", str(music)) == 0
    assert "0 files" in capsys.readouterr().out
    assert (tmp_path / "home" / "catalog.db").exists()
    monkeypatch.setenv("SOUNDKIN_SCAN_WORKERS", "0")
    assert leave("scan", str(music)) == 2
    assert "'--workers'" in capsys.readouterr().err


def test_messages_of_a_server_cannot_control_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, raising(SoundkinError("no\x1b[2J one\r\nat all"))) == 1
    assert capsys.readouterr().err == "soundkin: no\ufffd[2J one at all\n"


def test_a_closed_pipe_prints_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        finished = subprocess.run(
            [sys.executable, "soundkin.py", "--help"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert finished.stderr == b""


@pytest.mark.parametrize("command", ["verify", "serve"])
def test_an_account_without_a_home_folder_gets_a_message_that_says_what_to_give(command: str) -> None:
    program = f"""
import sys
from collections.abc import Iterator
from pathlib import Path
import soundkin

def none() -> Path:
    raise RuntimeError("Could not determine home directory.")

Path.home = none
soundkin.main([{command!r}])
"""
    environment = {name: value for name, value in os.environ.items() if name != "SOUNDKIN_HOME"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "SOUNDKIN_HOME" in done.stderr
    assert "Traceback" not in done.stderr
