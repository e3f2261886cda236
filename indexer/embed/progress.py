"""Shows the progress of an embedding run: a bar on a terminal, or one log line per minute elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedProgress:
    """The counts of a running embedding run. Clips that had an embedding before are not counted."""

    done: int
    """Clips that are embedded or failed."""
    total: int
    """Clips to embed in this run."""
    embedded: int
    """Clips that are embedded, written or not."""
    sealed: int
    """Clips whose embedding is written durably: a kill loses only the others."""
    audio_s: float
    """Seconds of audio in the embedded clips."""
    seconds: float
    """Since the start of the run."""
    failed: Mapping[str, int]
    """Reason -> clips."""

    @property
    def clips_per_second(self) -> float:
        """Clips done per second, over the whole run; 0 at its start."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds to the end at this rate; None before the first clip."""
        return (self.total - self.done) / self.clips_per_second if self.clips_per_second else None


Progress: TypeAlias = Callable[[EmbedProgress], None]
"""Called after clips were embedded, failed or written, from the thread that called ``embed``."""


@contextmanager
def embed_bar(console: Console | None = None) -> Iterator[Progress]:
    """A callback for ``EmbedOptions.progress`` that draws a bar on ``console`` (stderr) when that is a terminal.

    Otherwise it logs one line per minute. When the block is interrupted, a line on ``console`` says how many clips are
    written and how to continue, and the interrupt is raised again.
    """
    console = console or Console(stderr=True)
    with _shown_on(console) as show:
        latest = _Latest(show)
        try:
            yield latest
        except KeyboardInterrupt:
            console.print(stopped(latest.now), markup=False, highlight=False, soft_wrap=True)
            raise


class LogLines:
    """A :data:`Progress` that logs a line at INFO, at most once every ``every_s`` seconds of the run."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._next_s = every_s

    def __call__(self, progress: EmbedProgress) -> None:
        """Log ``progress``, if it is time."""
        if progress.seconds < self._next_s:
            return
        self._next_s = progress.seconds + self._every_s
        left = "" if progress.left_s is None else f", {progress.left_s / 60:.0f} min to go"
        logger.info("%d of %d clips, %s%s", progress.done, progress.total, in_words(progress), left)


def in_words(progress: EmbedProgress) -> str:
    """Rate, hours of audio, and failures by reason, on one line.

    >>> in_words(EmbedProgress(done=30, total=90, embedded=28, sealed=0, audio_s=840.0, seconds=12.0,
    ...                        failed={"silent": 2}))
    '2.50 clips/s, 0.23 h of audio, 2 failed (silent 2)'
    """
    failed = sum(progress.failed.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(progress.failed.items()))
    return (
        f"{progress.clips_per_second:.2f} clips/s, {progress.audio_s / 3600:.2f} h of audio, {failed} failed"
        f"{f' ({reasons})' if reasons else ''}"
    )


def eta(left_s: float | None) -> str:
    """Remaining hours, minutes and seconds.

    >>> eta(3725.4), eta(None)
    ('1:02:05', '-:--:--')
    """
    if left_s is None:
        return "-:--:--"
    minutes, seconds = divmod(round(left_s), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def stopped(now: EmbedProgress | None) -> str:
    """The line about an interrupted run; ``now`` is None when it was interrupted before its first clip."""
    sealed, left = (now.sealed, now.total - now.sealed - sum(now.failed.values())) if now else (0, 0)
    to_do = f"{left:,} are left" if now else "nothing was begun"
    return f"stopped: {sealed:,} clips of this run are stored, {to_do}; run the same command again to continue"


class _Latest:
    """A progress callback that passes the progress on and keeps the latest one, for the line about an interrupt."""

    def __init__(self, show: Progress) -> None:
        self._show = show
        self.now: EmbedProgress | None = None

    def __call__(self, now: EmbedProgress) -> None:
        self.now = now
        self._show(now)


@contextmanager
def _shown_on(console: Console) -> Iterator[Progress]:
    if not console.file.isatty():
        _enable_log_lines()
        yield LogLines()
        return
    columns = (
        TextColumn("embed"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("embed", total=None, words="", left="")
        yield lambda now: _draw(bar, task, now)


def _enable_log_lines() -> None:
    """Print the lines of :class:`LogLines` on stderr when logging is not configured; other modules print warnings."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger(LogLines.__module__).setLevel(logging.INFO)


def _draw(bar: Bar, task: TaskID, now: EmbedProgress) -> None:
    bar.update(task, completed=now.done, total=now.total, words=in_words(now), left=f"ETA {eta(now.left_s)}")
