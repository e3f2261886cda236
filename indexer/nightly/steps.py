"""The first steps of a nightly run: scan, import metadata, embed new clips. Bad items are listed as problems."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, EmbedProgress, embed
from indexer.encoders.base import Encoder
from indexer.encoders.registry import DESCRIPTORS, find_model, load_encoder, weights_folder
from indexer.ingest.facts.derive import derive
from indexer.ingest.imports import import_collaborations, import_genres, import_scene
from indexer.ingest.scan import ScanOptions, scan
from indexer.nightly.config import EncoderChoice, ImportFile, NightlyConfig, ScanFolder
from indexer.nightly.report import Problem, Step
from indexer.store.store import EmbeddingStore
from indexer.tabular.records import Rejected
from recommender.catalog import Catalog
from recommender.errors import BadInput, InvalidArgument
from recommender.licences import find_licence, require
from recommender.types import Use

_IMPORTS = {"genres": import_genres, "scene": import_scene, "collaborations": import_collaborations}

Counted = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """How a run shows its progress."""

    counted: Callable[[str], AbstractContextManager[Counted]]
    """From a title, a progress bar for a block that counts."""
    embedding: Callable[[], AbstractContextManager[Callable[[EmbedProgress], None]]]


QUIET = Bars(
    counted=lambda title: nullcontext(lambda done, total: None), embedding=lambda: nullcontext(lambda now: None)
)
"""Shows no progress."""


def scan_folders(catalog: Catalog, config: NightlyConfig, pool: DecoderPool, bars: Bars) -> Step:
    """Scan every folder. A missing folder, such as a disk that is not mounted, is a problem; it changes nothing."""
    started, counts, problems = time.monotonic(), Counter[str](), list[Problem]()
    for wanted in config.scans:
        with bars.counted(f"scan {wanted.folder.name}") as progress:
            folder_counts, folder_problems = _scan(catalog, wanted, pool, progress)
        counts.update(folder_counts)
        problems += folder_problems
    return Step(name="scan", seconds=time.monotonic() - started, counts=counts, problems=tuple(problems))


def _scan(
    catalog: Catalog, wanted: ScanFolder, pool: DecoderPool, progress: Counted
) -> tuple[dict[str, int], list[Problem]]:
    try:
        options = ScanOptions(
            tracklist=wanted.tracklist, layouts=wanted.layouts, forget_after_days=wanted.forget_after_days
        )
        report = scan(catalog, wanted.folder, options=options, pool=pool, progress=progress)
    except BadInput as error:
        return {}, [Problem(step="scan", what=str(wanted.folder), reason=error.reason, detail=error.detail)]
    names = (
        "files",
        "new_clips",
        "known_clips",
        "unchanged",
        "ignored",
        "waiting",
        "quarantined",
        "vanished",
        "forgotten",
    )
    counts = {name: getattr(report, name) for name in names}
    return counts | {"rejected": len(report.rejected)}, list(_rejected("scan", report.rejected))


def refresh_metadata(catalog: Catalog, config: NightlyConfig) -> Step:
    """Import the metadata files again: rows that are known change nothing, new rows are added."""
    started, counts, problems = time.monotonic(), Counter[str](), list[Problem]()
    for wanted in config.imports:
        file_counts, file_problems = _import(catalog, wanted)
        counts.update(file_counts)
        problems += file_problems
    derive(catalog)  # a name that an import knows may tell who is credited in a tag
    return Step(name="metadata", seconds=time.monotonic() - started, counts=counts, problems=tuple(problems))


def _import(catalog: Catalog, wanted: ImportFile) -> tuple[dict[str, int], list[Problem]]:
    try:
        report = _IMPORTS[wanted.kind](catalog, wanted.file, source=wanted.source, licence=wanted.licence)
    except (BadInput, InvalidArgument) as error:
        reason, detail = (error.reason, error.detail) if isinstance(error, BadInput) else (error.field, error.problem)
        return {}, [Problem(step="metadata", what=str(wanted.file), reason=reason, detail=detail)]
    counts = {name: getattr(report, name) for name in ("rows", "imported", "unchanged", "new_artists")}
    return counts | {"rejected": len(report.rejected)}, list(_rejected("metadata", report.rejected))


def _rejected(step: str, rejected: Iterable[Rejected]) -> Iterator[Problem]:
    for row in rejected:
        what, reason, detail = row.shown
        yield Problem(step=step, what=what, reason=reason, detail=detail)


def choose_encoder(choice: EncoderChoice, home: Path, use: Use) -> Encoder:
    """Load the encoder of the configuration. Its licence is checked first, so that no forbidden weights are loaded.

    Raises LicenceRefused, and as :func:`indexer.encoders.registry.load_encoder`.
    """
    name = choice.name or DESCRIPTORS
    model = find_model(name)
    if model:
        require(f"encoder {name}", find_licence(model.licence), use)
    weights = choice.settings.weights or weights_folder(name, home)
    encoder = load_encoder(name, replace(choice.settings, weights=weights))
    require(f"encoder {name}", encoder.licence, use)
    return encoder


def embed_new(
    catalog: Catalog, store: EmbeddingStore, encoder: Encoder, pool: DecoderPool, options: EmbedOptions
) -> Step:
    """Embed every clip that has no embedding yet."""
    report = embed(catalog, store, encoder, pool, options=options)
    rows = (*report.failed, *report.left_alone)
    return Step(
        name="embed",
        seconds=report.seconds,
        counts={
            "embedded": report.embedded,
            "known": report.known,
            "failed": len(report.failed),
            "left_alone": len(report.left_alone),
            "waiting": report.waiting,
            "quarantined": report.quarantined,
        },
        problems=tuple(Problem(step="embed", what=what, reason=why, detail=detail) for what, why, detail in rows),
    )
