"""Back to a generation that served before: read it back, replay its goldens, point to it. It takes seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from indexer.files.locks import HOME_LOCK, exclusive
from indexer.publish.publish import point_to
from indexer.publish.read_back import published_versions, read_back
from recommender.catalog import Catalog, rows
from recommender.errors import GenerationCorrupt, InvalidArgument, NotFound
from recommender.generation.golden_answers import differences
from recommender.generation.open_generation import VERSIONS, Manifest, folder_name, inspect_current

_log = logging.getLogger(__name__)


def rollback(home: Path, version: int | None = None) -> Manifest:
    """Make CURRENT point to ``version``, or to the newest before the serving one that is sound; its manifest.

    What it is rolled back from keeps its folder, and is not published again by itself; the next build has a new
    number. No SQL is asked, so that it works when the catalog does not: see :func:`record_rollback`.

    Raises:
        NotFound: there is no such version.
        InvalidArgument: ``version`` is the one that serves; or it is None, and none before the serving one is
            sound.
        GenerationCorrupt: ``version`` is damaged, or answers otherwise than when it was built.
        Busy: another process builds or publishes in ``home``.
    """
    with exclusive(home / HOME_LOCK):
        serving = _serving(home)
        manifest, digest = _chosen(home, version, serving) if version is not None else _newest(home, serving)
        point_to(home, manifest.version, digest)
        left = folder_name(serving) if serving is not None else "a damaged CURRENT"
        _log.warning("%s serves again instead of %s", folder_name(manifest.version), left)
        return manifest


def record_rollback(catalog: Catalog, manifest: Manifest) -> None:
    """Tell SQL, for audit only, after the deed."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    catalog.record_publication(
        rows.Publication(version=manifest.version, action="rollback", refusals="", forced_why=None, at=at)
    )


def parse_version(text: str) -> int:
    """Read ``v3``, ``3`` or ``v00000003``. Raises InvalidArgument.

    >>> parse_version("v00000003"), parse_version("3")
    (3, 3)
    """
    digits = text.removeprefix("v")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidArgument("version", f"{text!r} is no version; give one like v3 (soundkin info says which serves)")
    return int(digits)


def _serving(home: Path) -> int | None:
    """The version CURRENT points to, None when it cannot be read. Raises InvalidArgument when nothing is published."""
    current = inspect_current(home)
    if current.damage is not None:
        _log.error("%s", current.damage)
        return None
    if current.pointer is None:
        raise InvalidArgument("home", f"nothing was published in {home}, so there is nothing to go back to")
    return current.pointer.version


def _chosen(home: Path, version: int, serving: int | None) -> tuple[Manifest, str]:
    if version == serving:
        raise InvalidArgument("version", f"{folder_name(version)} is the one that serves")
    if version not in published_versions(home):
        kept = _listed(published_versions(home)) or "none"
        raise NotFound("generation", folder_name(version), f"kept are: {kept}")
    return _proved(home / VERSIONS / folder_name(version))


def _newest(home: Path, serving: int | None) -> tuple[Manifest, str]:
    kept = published_versions(home)
    for version in kept:
        if serving is not None and version >= serving:
            continue
        try:
            return _proved(home / VERSIONS / folder_name(version))
        except GenerationCorrupt as error:
            _log.error("%s", error)
    if serving is None:
        raise InvalidArgument("version", "none that is kept is sound; build and publish one")
    newer = [version for version in kept if version > serving]
    cure = f"newer ones are kept: {_listed(newer)}; soundkin rollback v{newer[0]} goes to one" if newer else ""
    raise InvalidArgument("version", f"none before {folder_name(serving)} is sound; {cure or 'build and publish one'}")


def _listed(versions: Iterable[int]) -> str:
    return ", ".join(map(folder_name, versions))


def _proved(folder: Path) -> tuple[Manifest, str]:
    generation, digest = read_back(folder)
    different = differences(generation, generation.manifest.goldens)
    if different:
        raise GenerationCorrupt(folder.name, "goldens", different[0])
    return generation.manifest, digest
