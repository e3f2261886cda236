"""What a run says of itself while it goes: rates by hand, a line a minute in the log, a line when it is stopped."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from indexer.embed.progress import EmbedProgress, LogLines, embed_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at(seconds: float, *, done: int = 30, total: int = 90, sealed: int = 16) -> EmbedProgress:
    return EmbedProgress(
        done=done,
        total=total,
        embedded=done - 3,
        sealed=sealed,
        audio_s=1800.0,
        seconds=seconds,
        failed={"truncated": 1, "silent": 2},
    )


def test_rate_and_rest_are_those_of_the_whole_run() -> None:
    now = at(12.0)
    assert now.clips_per_second == 2.5
    assert now.left_s == 24.0


def test_before_the_first_clip_nobody_knows_how_long_it_takes() -> None:
    now = EmbedProgress(done=0, total=9, embedded=0, sealed=0, audio_s=0, seconds=0, failed={})
    assert (now.clips_per_second, now.left_s) == (0.0, None)


def test_the_log_has_a_line_a_minute_at_most(caplog: pytest.LogCaptureFixture) -> None:
    lines = LogLines()
    with caplog.at_level(logging.INFO, "indexer.embed.progress"):
        for seconds in (1.0, 59.9, 60.0, 61.0, 119.0, 120.5, 121.0, 300.0):
            lines(at(seconds))
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 3
    assert caplog.messages[0] == (
        "30 of 90 clips, 0.50 clips/s, 0.50 h of audio, 3 failed (silent 2, truncated 1), 2 min to go"
    )


def test_without_a_terminal_nothing_is_drawn() -> None:
    file = io.StringIO()
    with embed_bar(Console(file=file)) as progress:
        progress(at(1.0))
        progress(at(2.0))
    assert file.getvalue() == ""


def test_a_terminal_shows_rate_sound_rest_and_failures_by_reason() -> None:
    file = Terminal()
    with embed_bar(Console(file=file, force_terminal=True, width=200)) as progress:
        progress(at(12.0))
    shown = file.getvalue()
    for part in ("30/90", "2.50 clips/s", "0.50 h of audio", "3 failed (silent 2, truncated 1)", "ETA 0:00:24"):
        assert part in shown


@pytest.mark.parametrize("file", [io.StringIO(), Terminal()])
def test_an_interrupt_says_what_is_sealed_and_that_the_next_run_goes_on(file: io.StringIO) -> None:
    console = Console(file=file, width=200)

    def interrupted() -> None:
        with embed_bar(console) as progress:
            progress(at(1.0, sealed=16))
            progress(at(2.0, total=2090, sealed=27))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "stopped: 27 clips of this run are stored, 2,060 are left; run the same command again" in file.getvalue()


def test_an_interrupt_before_anything_began_says_so() -> None:
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt), embed_bar(Console(file=file, width=200)):
        raise KeyboardInterrupt
    assert "nothing was begun" in file.getvalue()


def test_another_error_is_no_interrupt() -> None:
    file = io.StringIO()
    with pytest.raises(OSError, match="disk"), embed_bar(Console(file=file)):
        raise OSError("disk")
    assert file.getvalue() == ""
