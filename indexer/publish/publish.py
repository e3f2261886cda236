"""Publishes a staged generation in six steps. A server sees the old generation or the new one, never a half one.

::

    1  take the lock, remove what a killed run left
    2  read every staged byte back from the disk, open it, replay its goldens
    3  the gate; a refused generation goes to quarantine, or, when forced, the refusal goes on record
    4  rename staging/vN to versions/vN, fsync of versions      (the files and their folder were synced by the build)
    5  folder read-only; CURRENT written aside, fsync, rename, fsync of the home
    6  SQL, for audit

After each step is a failpoint. If a run is killed between two steps, the next run completes or clears what is left. See
"Publishing and power loss" in docs/methods.md.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from indexer.files.atomic import make_folder, remove_parts, sync_folder, write_file
from indexer.files.failpoints import reach
from indexer.files.home import STAGING
from indexer.files.locks import HOME_LOCK, exclusive
from indexer.publish.gate import Refusal, Terms, judge
from indexer.publish.quarantine import set_aside
from indexer.publish.read_back import find_serving, published_versions, read_back
from recommender.catalog import Catalog, rows
from recommender.errors import GenerationCorrupt, InvalidArgument, PublishRefused
from recommender.generation.open_generation import (
    CURRENT,
    MANIFEST,
    VERSIONS,
    Generation,
    Manifest,
    Pointer,
    folder_name,
    read_current,
    read_manifest,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A generation that was read back, and the verdict of the gate."""

    folder: Path
    manifest: Manifest
    digest: str
    refusals: tuple[Refusal, ...]
    forced_why: str | None


def publish(catalog: Catalog, home: Path, *, terms: Terms | None = None, forced_why: str | None = None) -> Manifest:
    """Give the staged generation its final name and make CURRENT name it; its manifest.

    ``forced_why``: publish it in spite of the gate, and record this reason, also when the gate has no objection. A
    damaged generation is never published.

    A run that was killed after the rename and before CURRENT was written is finished by the next run, which judges the
    generation again by its own terms; refusals that were overruled on record stay overruled. A version that was served
    before is not published again: CURRENT has the number of the newest.

    Raises:
        InvalidArgument: nothing is staged, or ``forced_why`` is blank.
        PublishRefused: the gate refused it. It is in quarantine; CURRENT stays as it was.
        GenerationCorrupt: the staged generation is damaged. It is in quarantine; CURRENT stays as it was.
        Busy: another process builds or publishes in ``home``.
    """
    if forced_why is not None and not forced_why.strip():
        raise InvalidArgument("why", "is empty; say why this generation is to be served in spite of the gate")
    with exclusive(home / HOME_LOCK):
        reach("publish.locked")
        remove_parts(home)
        make_folder(home / VERSIONS)
        _complete_record(catalog, home)
        asked = terms or Terms()
        judged = _judge_staged(home, asked, forced_why) or _judge_stranded(catalog, home, asked, forced_why)
        if judged is None:
            raise InvalidArgument("staging", f"{home} has no built generation to publish; run soundkin build")
        if judged.refusals and judged.forced_why is None:
            _refuse(catalog, home, judged)
        if judged.forced_why is not None:
            _force(catalog, judged)
        _name(home, judged.folder)
        point_to(home, judged.manifest.version, judged.digest)
        reach("publish.pointed")
        _record(catalog, judged)
        reach("publish.recorded")
        return judged.manifest


def _judge_staged(home: Path, terms: Terms, forced_why: str | None) -> _Judged | None:
    folder = _staged(home)
    if folder is None:
        return None
    generation, digest = _read_back(home, folder)
    reach("publish.read_back")
    refusals = judge(generation, find_serving(home), terms)
    reach("publish.judged")
    return _Judged(
        folder=folder,
        manifest=generation.manifest,
        digest=digest,
        refusals=refusals,
        forced_why=forced_why,
    )


def _staged(home: Path) -> Path | None:
    """The newest staged generation that was built to its end."""
    return max((path.parent for path in (home / STAGING).glob(f"v*/{MANIFEST}")), default=None)


def _read_back(home: Path, folder: Path) -> tuple[Generation, str]:
    try:
        return read_back(folder)
    except GenerationCorrupt as error:
        kept_in = set_aside(home, folder, [Refusal(code="corrupt", detail=f"{error.file}: {error.problem}")])
        _log.error("%s; what is left of it is in %s", error, kept_in)
        raise


def _judge_stranded(catalog: Catalog, home: Path, terms: Terms, forced_why: str | None) -> _Judged | None:
    """Judge a version that got its name in a run that was killed before it wrote CURRENT; None when there is none."""
    newest = max(published_versions(home), default=0)
    pointer = read_current(home)
    if newest == 0 or (pointer is not None and newest <= pointer.latest):
        return None
    folder = home / VERSIONS / folder_name(newest)
    generation, digest = read_back(folder)
    refusals = judge(generation, find_serving(home), terms)
    if forced_why is None:
        overruled = _overruled(catalog, newest)
        refusals = tuple(refusal for refusal in refusals if refusal.code not in overruled)
    return _Judged(folder=folder, manifest=generation.manifest, digest=digest, refusals=refusals, forced_why=forced_why)


def _overruled(catalog: Catalog, version: int) -> set[str]:
    """Codes of the refusals of ``version`` that were overruled when a run that was then killed forced it."""
    publications = (row for row in catalog.read_publications() if row.version == version)
    forced = [row for row in publications if row.forced_why is not None]
    return {line.partition(":")[0] for row in forced for line in row.refusals.splitlines()}


def _refuse(catalog: Catalog, home: Path, judged: _Judged) -> None:
    judged.folder.chmod(0o755)  # a named version is read-only, and a read-only folder cannot be moved
    kept_in = set_aside(home, judged.folder, judged.refusals)
    _note(catalog, judged.manifest.version, "refused", judged)
    refusals = [(refusal.code, refusal.detail) for refusal in judged.refusals]
    raise PublishRefused(folder_name(judged.manifest.version), refusals, str(kept_in))


def _force(catalog: Catalog, judged: _Judged) -> None:
    """Record why it is forced, before it is published: a run that finishes this one after a kill needs the reason.

    It is recorded also when the gate has no objection: the operator did not know that, and will ask later why it was
    forced.
    """
    name, against = folder_name(judged.manifest.version), _listed(judged.refusals) or "nothing that the gate found"
    _log.warning("%s is published in spite of %s: %s", name, against, judged.forced_why)
    _note(catalog, judged.manifest.version, "publish", judged)


def _name(home: Path, folder: Path) -> None:
    """Rename a staged folder to its final name and make it read-only; a folder that has its name already stays."""
    named = home / VERSIONS / folder.name
    if folder != named:
        sync_folder(folder)  # the build does this too, but a build that was killed at its end may not have
        folder.rename(named)
        reach("publish.renamed")
    sync_folder(named.parent)
    reach("publish.versions_synced")
    for path in named.iterdir():
        path.chmod(0o444)
    named.chmod(0o555)
    reach("publish.frozen")


def point_to(home: Path, version: int, digest: str) -> None:
    """Make CURRENT name ``version``, whose manifest has the sha256 ``digest``. The caller has the lock of the home."""
    pointer = Pointer(version=version, manifest_sha256=digest, newest=max(version, *published_versions(home), 0))
    write_file(home / CURRENT, [pointer.to_json().encode()])


def _complete_record(catalog: Catalog, home: Path) -> None:
    """Record in SQL a version that CURRENT names since a run that was killed before it could record it."""
    try:
        pointer = read_current(home)
        known = {generation.version for generation in catalog.read_generations()}
        if pointer is None or pointer.version in known:
            return
        manifest, digest = read_manifest(home / VERSIONS / folder_name(pointer.version))
    except GenerationCorrupt as error:
        _log.error("%s", error)
        return
    if digest == pointer.manifest_sha256:
        folder = home / VERSIONS / folder_name(pointer.version)
        _record(catalog, _Judged(folder=folder, manifest=manifest, digest=digest, refusals=(), forced_why=None))


def _record(catalog: Catalog, judged: _Judged) -> None:
    """Record the publication in SQL, for audit only: CURRENT decides what is served, and it has been written."""
    manifest, at = judged.manifest, _now()
    with catalog.transaction():
        catalog.record_generation(
            rows.Generation(
                version=manifest.version,
                space=manifest.space.key,
                built_at=manifest.built_at,
                manifest_sha256=judged.digest,
                artists=manifest.counts.artists,
                tracks=manifest.counts.tracks,
                published_at=at,
            )
        )
        if judged.forced_why is None:
            _note(catalog, manifest.version, "publish", judged)


def _note(catalog: Catalog, version: int, action: str, judged: _Judged) -> None:
    catalog.record_publication(
        rows.Publication(
            version=version,
            action=action,
            refusals=_listed(judged.refusals, between="\n"),
            forced_why=judged.forced_why,
            at=_now(),
        )
    )


def _listed(refusals: Sequence[Refusal], *, between: str = "; ") -> str:
    return between.join(f"{refusal.code}: {refusal.detail}" for refusal in refusals)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
