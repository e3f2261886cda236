"""The last steps of a nightly run: build and publish a generation if its inputs changed, and collect old ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from indexer.build.build import BuildOptions, build
from indexer.build.calibration.averages import clips_by_track
from indexer.build.catalog_rows import read_catalog, require_usable
from indexer.build.contents import make_contents
from indexer.build.reuse import software
from indexer.files.home import STAGING
from indexer.maintain.collect import CollectOptions, collect
from indexer.nightly.generation_changes import Changes, changes_between
from indexer.nightly.report import Step
from indexer.publish.gate import Terms
from indexer.publish.publish import publish
from indexer.publish.read_back import find_serving, published_versions
from indexer.store.store import EmbeddingStore
from recommender.array_files import TextColumn
from recommender.catalog import Catalog
from recommender.errors import GenerationCorrupt, PublishRefused
from recommender.generation.contents import Contents
from recommender.generation.manifest import Manifest
from recommender.generation.open_generation import (
    MANIFEST,
    VERSIONS,
    Generation,
    folder_name,
    inspect_current,
    open_current,
    open_generation,
)
from recommender.licences import find_licence, require
from recommender.types import Space, Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that determines the result of a build."""

    space: Space
    use: str
    sources: dict[str, str]
    """Source of metadata -> licence."""
    shards: dict[str, str]
    """Shard -> its checksum."""
    software: dict[str, str]
    """Package -> version."""
    contents: Contents


def read_inputs(catalog: Catalog, store: EmbeddingStore, *, use: Use) -> Inputs:
    """Read what a build would read, except vectors: the checksums of the shards are compared instead.

    Raises InvalidArgument or LicenceRefused where a build would.
    """
    require(f"encoder {store.space.name}", find_licence(store.space.licence), use)
    data = read_catalog(catalog, store)
    require_usable(data, use)
    return Inputs(
        space=store.space,
        use=use.value,
        sources={source.name: source.licence for source in data.sources},
        shards=store.shard_checksums,
        software=software(),
        contents=make_contents(
            data, {artist.id: row for row, artist in enumerate(data.artists)}, clips=clips_by_track(data)
        ),
    )


def made_of(folder: Path, inputs: Inputs) -> bool:
    """Whether every file of the generation in ``folder`` has its checksum, and it was made of ``inputs``."""
    try:
        generation = open_generation(folder)
    except GenerationCorrupt:
        return False
    return _facts(generation.manifest) == _facts(inputs) and _same(generation.contents, inputs.contents)


def _facts(of: Manifest | Inputs) -> tuple[object, ...]:
    return of.space, of.use, of.sources, of.shards, of.software


def _same(one: object, other: object) -> bool:
    """Whether two parts of contents (columns, matrices, arrays; None where a part is left out) are equal."""
    if one is None or other is None:
        return one is other
    if is_dataclass(one):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, csr_array) and isinstance(other, csr_array):
        return one.shape == other.shape and all(
            np.array_equal(getattr(one, part), getattr(other, part)) for part in ("indptr", "indices", "data")
        )
    if isinstance(one, TextColumn) and isinstance(other, TextColumn):
        return len(one) == len(other) and all(a == b for a, b in zip(one, other, strict=True))
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    # NaN stands for "no source says it", and is not equal to itself.
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The outcome of the steps check, build and publish."""

    outcome: str
    """``published``, ``unchanged`` or ``refused``."""
    steps: tuple[Step, ...]
    refusals: tuple[tuple[str, str], ...] = ()
    note: str | None = None
    changes: Changes | None = None


def renew(
    catalog: Catalog, store: EmbeddingStore, home: Path, *, terms: Terms, progress: Callable[[int, int], None]
) -> Renewal:
    """Build and publish a generation of the present inputs, unless the served one was made of the same inputs.

    A generation that an earlier run built and did not publish is published if it was made of the present inputs. One
    that was rolled back from is not: the outcome is then ``unchanged``.

    Raises as :func:`indexer.build.build.build` and :func:`indexer.publish.publish.publish`, except PublishRefused.
    """
    checked = time.monotonic()
    inputs = read_inputs(catalog, store, use=terms.use)
    why_not = _why_unchanged(home, inputs)
    if why_not is None and not _is_ready(home, inputs):
        check, started = time.monotonic() - checked, time.monotonic()
        options = BuildOptions(incremental=True, progress=progress)
        manifest = build(catalog, store, home, use=terms.use, options=options)
        counts = {"artists": manifest.counts.artists, "tracks": manifest.counts.tracks, "reused": manifest.taken.tracks}
        built = Step(name="build", seconds=time.monotonic() - started, counts=counts)
        return _publish(catalog, home, terms, (Step(name="check", seconds=check, counts={}), built))
    check_step = Step(name="check", seconds=time.monotonic() - checked, counts={})
    if why_not is None:
        return _publish(catalog, home, terms, (check_step,))
    return Renewal(outcome="unchanged", steps=(check_step,), note=why_not)


def _why_unchanged(home: Path, inputs: Inputs) -> str | None:
    """Why nothing is published: the served generation, or one rolled back from, has the same inputs; else None."""
    pointer = inspect_current(home).pointer
    if pointer is None:
        return None
    settled = [version for version in published_versions(home) if pointer.version <= version <= pointer.latest]
    for version in sorted(settled):
        if made_of(home / VERSIONS / folder_name(version), inputs):
            served = f"nothing has changed since {folder_name(version)}"
            back = ", which was rolled back from; to serve it again: soundkin rollback"
            return served if version == pointer.version else f"{served}{back} {folder_name(version)}"
    return None


def _is_ready(home: Path, inputs: Inputs) -> bool:
    """Whether an interrupted run left a generation of these inputs: staged, or named and not yet in CURRENT."""
    staged = sorted((home / STAGING).glob(f"v*/{MANIFEST}"))
    if staged:
        return made_of(staged[-1].parent, inputs)
    newest, pointer = max(published_versions(home), default=0), inspect_current(home).pointer
    is_stranded = newest > (pointer.latest if pointer else 0)
    return is_stranded and made_of(home / VERSIONS / folder_name(newest), inputs)


def _publish(catalog: Catalog, home: Path, terms: Terms, steps: tuple[Step, ...]) -> Renewal:
    started, before = time.monotonic(), find_serving(home)
    try:
        publish(catalog, home, terms=terms)
    except PublishRefused as refused:
        step = Step(name="publish", seconds=time.monotonic() - started, counts={})
        note = f"{refused.generation} is kept in {refused.kept}"
        return Renewal(outcome="refused", steps=(*steps, step), refusals=refused.refusals, note=note)
    step = Step(name="publish", seconds=time.monotonic() - started, counts={})
    return Renewal(outcome="published", steps=(*steps, step), changes=_changes(home, before))


def _changes(home: Path, before: Generation | None) -> Changes | None:
    return None if before is None else changes_between(before, open_current(home))


def collect_old(home: Path, options: CollectOptions) -> Step:
    """Remove old generations as configured."""
    started = time.monotonic()
    collected = collect(home, options)
    counts = {"removed": len(collected.removed), "freed_bytes": collected.freed_bytes, "leased": len(collected.leased)}
    return Step(name="collect", seconds=time.monotonic() - started, counts=counts)
