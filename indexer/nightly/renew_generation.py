"""The last steps: a new generation where something changed, through the gate, and what is old collected."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.build.build import BuildOptions, build
from indexer.files.home import STAGING
from indexer.maintain.collect import CollectOptions, collect
from indexer.nightly.build_inputs import Inputs, made_of, read_inputs
from indexer.nightly.generation_changes import Changes, changes_between
from indexer.nightly.report import Step
from indexer.publish.gate import Terms
from indexer.publish.publish import publish
from indexer.publish.read_back import find_serving, published_versions
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import PublishRefused
from recommender.generation.open_generation import (
    MANIFEST,
    VERSIONS,
    Generation,
    folder_name,
    inspect_current,
    open_current,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What came of the wish for a new generation."""

    outcome: str
    """``published``, ``unchanged`` or ``refused``."""
    steps: tuple[Step, ...]
    refusals: tuple[tuple[str, str], ...] = ()
    note: str | None = None
    changes: Changes | None = None


def renew(
    catalog: Catalog, store: EmbeddingStore, home: Path, *, terms: Terms, progress: Callable[[int, int], None]
) -> Renewal:
    """Publish a generation of what catalog and store hold now, unless one of just that serves already.

    One that an earlier run built and did not publish is taken as it is, when it is made of what there is now. So is one
    that was rolled back from: it does not come back by itself.

    Raises as :func:`indexer.build.build.build` and :func:`indexer.publish.publish.publish`, except PublishRefused.
    """
    checked = time.monotonic()
    inputs = read_inputs(catalog, store, use=terms.use)
    standing = _standing(home, inputs)
    if standing is None and not _is_ready(home, inputs):
        check, started = time.monotonic() - checked, time.monotonic()
        options = BuildOptions(incremental=True, progress=progress)
        manifest = build(catalog, store, home, use=terms.use, options=options)
        counts = {"artists": manifest.counts.artists, "tracks": manifest.counts.tracks, "reused": manifest.taken.tracks}
        built = Step(name="build", seconds=time.monotonic() - started, counts=counts)
        return _publish(catalog, home, terms, (Step(name="check", seconds=check, counts={}), built))
    check_step = Step(name="check", seconds=time.monotonic() - checked, counts={})
    if standing is None:
        return _publish(catalog, home, terms, (check_step,))
    return Renewal(outcome="unchanged", steps=(check_step,), note=standing)


def _standing(home: Path, inputs: Inputs) -> str | None:
    """Why no generation is to be published: the one that serves is made of the same, or one was rolled back from."""
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
    """Whether a run that was interrupted has left what there is to publish: staged, or named and not pointed to."""
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
    """Remove generations that nothing needs any more."""
    started = time.monotonic()
    collected = collect(home, options)
    counts = {"removed": len(collected.removed), "freed_bytes": collected.freed_bytes, "leased": len(collected.leased)}
    return Step(name="collect", seconds=time.monotonic() - started, counts=counts)
