"""An embedding run on a terminal: one moving line of how far it is; elsewhere a line a minute in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from indexer.embed_progress import EmbedProgress, LogLines, Progress, in_words


class _Latest:
    """A progress callback that remembers how far the run was, and passes it on."""

    def __init__(self, show: Progress) -> None:
        self._show = show
        self.now: EmbedProgress | None = None

    def __call__(self, now: EmbedProgress) -> None:
        self.now = now
        self._show(now)


@contextmanager
def embed_bar(console: Console | None = None) -> Iterator[Progress]:
    """A callback for ``EmbedOptions.progress`` that draws on ``console`` (stderr) where that is a terminal.

    Elsewhere it is a line of log a minute. An interrupt of the block passes through; a line on ``console`` says what is
    sealed by then, and how it goes on.
    """
    console = console or Console(stderr=True)
    with _showing(console) as show:
        latest = _Latest(show)
        try:
            yield latest
        except KeyboardInterrupt:
            console.print(stopped(latest.now), markup=False, highlight=False, soft_wrap=True)
            raise


@contextmanager
def _showing(console: Console) -> Iterator[Progress]:
    if not console.file.isatty():
        _let_lines_through()
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


def _let_lines_through() -> None:
    """Show what :class:`LogLines` writes on stderr, where nobody has set up logging; of all else only warnings."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger(LogLines.__module__).setLevel(logging.INFO)


def _draw(bar: Bar, task: TaskID, now: EmbedProgress) -> None:
    bar.update(task, completed=now.done, total=now.total, words=in_words(now), left=f"ETA {eta(now.left_s)}")


def eta(left_s: float | None) -> str:
    """Hours, minutes and seconds to go.

    >>> eta(3725.4), eta(None)
    ('1:02:05', '-:--:--')
    """
    if left_s is None:
        return "-:--:--"
    minutes, seconds = divmod(round(left_s), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def stopped(now: EmbedProgress | None) -> str:
    """What an interrupted run leaves behind; ``now`` is None when it had not begun."""
    sealed, left = (now.sealed, now.total - now.sealed - sum(now.failed.values())) if now else (0, 0)
    to_do = f"{left:,} are left" if now else "nothing was begun"
    return f"stopped: {sealed:,} clips of this run are sealed, {to_do}; run the same again and it goes on from there"
