"""The nightly run: scan, refresh the metadata, embed what is new, build, gate, publish, collect. Safe to kill anywhere.

Every step is one that can be run again, and costs only its check when there is nothing left to do. So a run that was
killed is finished by the next, which does all steps in order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions
from indexer.encoders.base import in_use
from indexer.files.locks import NIGHTLY_LOCK, exclusive
from indexer.nightly.config import NightlyConfig
from indexer.nightly.renew_generation import Renewal, collect_old, renew
from indexer.nightly.report import NightlyReport, Step, new_among, write_report
from indexer.nightly.steps import QUIET, Bars, choose_encoder, embed_new, refresh_metadata, scan_folders
from indexer.publish.gate import Terms
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import SoundkinError
from recommender.generation.open_generation import inspect_current
from recommender.types import Space

KIND = "nightly"
"""What the record of runs calls it."""

_log = logging.getLogger(__name__)


def nightly(
    catalog: Catalog, home: Path, config: NightlyConfig, *, bars: Bars = QUIET, tell: Callable[[NightlyReport], None]
) -> None:
    """Run every step, and keep a record: ``tell`` is given the report, when it lies in ``home/runs`` and in SQL.

    What a step has to leave out is listed in the report and stops nothing. A generation that the gate refuses ends in
    the outcome ``refused``; the old one goes on serving. Whatever else ends the run, an error of ours, of the system or
    of a library, a bug, or Ctrl-C, is put on record with its reason (``failed`` or ``interrupted``), told, and goes on.

    Raises:
        Busy: another nightly run is at work in ``home``; nothing was told. Or another command, half way; as below.
        SoundkinError, OSError: a step could not go on. The report with the outcome ``failed`` was told.
    """
    with exclusive(home / NIGHTLY_LOCK), _Night(catalog, home, tell=tell) as night:
        night.work(config, bars)


class _Night:
    """One run, and what has come of it so far. A context manager: whatever ends the block is put on record."""

    def __init__(self, catalog: Catalog, home: Path, *, tell: Callable[[NightlyReport], None]) -> None:
        self._catalog = catalog
        self._home = home
        self._tell = tell
        self._started_at, self._started = _now(), time.monotonic()
        self._steps: list[Step] = []
        self._renewal: Renewal | None = None
        self._run = catalog.begin_run(KIND, at=self._started_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        report = self._report(self._outcome(error), error)
        try:
            self._keep(report)
        except (SoundkinError, OSError) as lost:
            if error is None:
                raise
            _log.error("run %d could not be put on record: %s", self._run, lost)  # what ended it is what matters
        self._tell(report)

    def _outcome(self, error: BaseException | None) -> str:
        """That of the new generation, when all work is done."""
        if isinstance(error, KeyboardInterrupt):
            return "interrupted"
        return self._renewal.outcome if self._renewal and error is None else "failed"

    def work(self, config: NightlyConfig, bars: Bars) -> None:
        """Do every step in order."""
        space = self._hear(config, bars)
        terms = Terms(use=config.use, encoder=config.encoder.name)
        with bars.counted("build") as progress:
            store = EmbeddingStore(self._home, space)
            self._renewal = renew(self._catalog, store, self._home, terms=terms, progress=progress)
        self._steps += [*self._renewal.steps, collect_old(self._home, config.collect)]

    def _hear(self, config: NightlyConfig, bars: Bars) -> Space:
        """From the folders to the embeddings; the space they are in."""
        with DecoderPool(workers=config.workers) as pool:
            self._steps.append(scan_folders(self._catalog, config, pool, bars))
            self._steps.append(refresh_metadata(self._catalog, config))
            with in_use(choose_encoder(config.encoder, self._home, config.use)) as encoder:
                store = EmbeddingStore(self._home, encoder.space, stored=config.encoder.stored)
                with bars.embedding() as progress:
                    options = EmbedOptions(batch=config.encoder.batch, progress=progress)
                    self._steps.append(embed_new(self._catalog, store, encoder, pool, options))
                return encoder.space

    def _report(self, outcome: str, error: BaseException | None) -> NightlyReport:
        problems = tuple(problem for step in self._steps for problem in step.problems)
        renewal = self._renewal
        return NightlyReport(
            run=self._run,
            started_at=self._started_at,
            ended_at=_now(),
            seconds=round(time.monotonic() - self._started, 3),
            outcome=outcome,
            version=_serving(self._home),
            steps=tuple(self._steps),
            new_problems=new_among(problems, self._home),
            refusals=renewal.refusals if renewal else (),
            error=None if error is None else f"{type(error).__name__}: {error}".removesuffix(": "),
            note=renewal.note if renewal else None,
            changes=renewal.changes if renewal else None,
        )

    def _keep(self, report: NightlyReport) -> None:
        """In ``home/runs`` and in SQL; in SQL also where the disk takes no file."""
        try:
            write_report(self._home, report)
        finally:
            summary = report.to_json(with_problems=False)
            self._catalog.end_run(self._run, report.state, at=report.ended_at, summary=summary)


def _serving(home: Path) -> int | None:
    pointer = inspect_current(home).pointer
    return pointer.version if pointer else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
