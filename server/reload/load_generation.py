"""From a folder to something that may answer: leased, verified, allowed, open, warm, and the same as when it was built.

Runs in the loader's thread, and reads every byte of the generation. Each stage that fails gives a reason of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recommender import layer_mix
from recommender.errors import GenerationCorrupt, SoundkinError
from recommender.generation.golden_answers import differences
from recommender.generation.lease import Lease
from recommender.generation.open_generation import (
    MANIFEST,
    VERSIONS,
    Generation,
    Manifest,
    Pointer,
    folder_name,
    open_verified,
    read_manifest,
    verify,
)
from recommender.licences import require_use
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import Use
from recommender.vectors import VectorIndex
from server.metrics import Phase, Reason
from server.reload.loaded_generation import LoadedGeneration
from server.reload.rejected_generations import Rejection, key_of

UNUSABLE = (
    SoundkinError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
)
"""What opening files that another program wrote may raise: ours, the system's, numpy's, FAISS's, which asserts.

Whatever is not among them ends the server, and with it the generation that answers.
"""

WARM_N = 10
"""Results asked of each index while warming it."""


REASONS = {
    Phase.LEASE: Reason.UNREADABLE,
    Phase.IDENTITY: Reason.CHECKSUM,
    Phase.MANIFEST: Reason.FORMAT,
    Phase.LICENCE: Reason.LICENCE,
    Phase.CHECKSUM: Reason.CHECKSUM,
    Phase.OPEN: Reason.UNREADABLE,
    Phase.WARM: Reason.UNREADABLE,
    Phase.GOLDEN: Reason.GOLDEN,
}
"""What a failure in each stage is counted under; an error of the system is UNREADABLE in every stage."""

Observe = Callable[[Phase, float], None]
"""Told of a stage that is done, and how many seconds it took."""


class _Stages:
    """Where a load is."""

    def __init__(self, observe: Observe) -> None:
        self.at = Phase.LEASE
        self._observe = observe

    @contextmanager
    def __call__(self, phase: Phase) -> Iterator[None]:
        self.at, started = phase, time.perf_counter()
        yield
        self._observe(phase, time.perf_counter() - started)


def load(home: Path, pointer: Pointer, *, use: Use, observe: Observe) -> LoadedGeneration | Rejection:
    """The generation of ``home`` that ``pointer`` names, ready to answer; or why it may not.

    Nothing is handed out before the whole of it was read and found as it was published.
    """
    stages = _Stages(observe)
    try:
        return _load(home / VERSIONS / folder_name(pointer.version), pointer, use=use, stages=stages)
    except UNUSABLE as error:
        return Rejection(key=key_of(pointer), reason=_reason(error, stages.at), why=_why(error, pointer))


def older(home: Path, below: int | None) -> list[Pointer]:
    """What CURRENT could be made to point to instead, newest first: versions under ``below``, or all when it is None.

    Nothing is verified yet; folders without a manifest that can be read are left out.
    """
    found = [(int(folder.name[1:]), folder) for folder in (home / VERSIONS).glob("v" + "[0-9]" * 8)]
    wanted = sorted(((version, folder) for version, folder in found if below is None or version < below), reverse=True)
    pointers = []
    for version, folder in wanted:
        try:
            pointers.append(Pointer(version=version, manifest_sha256=_digest(folder)))
        except OSError:
            continue
    return pointers


def _load(folder: Path, pointer: Pointer, *, use: Use, stages: _Stages) -> LoadedGeneration:
    with stages(Phase.LEASE):
        lease = Lease.take(folder)
    try:
        recommender = _open(folder, pointer, use=use, stages=stages)
    except BaseException:
        lease.release()
        raise
    return LoadedGeneration(pointer=pointer, recommender=recommender, lease=lease)


def _open(folder: Path, pointer: Pointer, *, use: Use, stages: _Stages) -> Recommender:
    with stages(Phase.IDENTITY):
        _require_published(folder, pointer)
    with stages(Phase.MANIFEST):
        manifest = _manifest(folder, pointer)
    with stages(Phase.LICENCE):
        require_use_of(manifest, use)
    with stages(Phase.CHECKSUM):
        verify(folder, manifest)
    with stages(Phase.OPEN):
        recommender = Recommender(open_verified(folder, manifest))
    with stages(Phase.WARM):
        warm(recommender)
    with stages(Phase.GOLDEN):
        _replay(recommender.generation)
    return recommender


def _require_published(folder: Path, pointer: Pointer) -> None:
    if _digest(folder) != pointer.manifest_sha256:
        raise GenerationCorrupt(folder.name, MANIFEST, "is not the one that was published")


def _manifest(folder: Path, pointer: Pointer) -> Manifest:
    manifest, _ = read_manifest(folder)
    if manifest.version != pointer.version:
        raise GenerationCorrupt(folder.name, MANIFEST, f"is the one of version {manifest.version}")
    return manifest


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def require_use_of(manifest: Manifest, use: Use) -> None:
    """Raises LicenceRefused when the generation was built for less than ``use``."""
    require_use(f"generation {folder_name(manifest.version)}", manifest.use, use)


def warm(recommender: Recommender) -> None:
    """Touch every index and every signal once, so that no request is the first to read them from the disk."""
    generation = recommender.generation
    for index in (*generation.tracks.values(), *generation.artists.values()):
        _touch(index)
    if len(generation.contents.artists.ids):
        query = ArtistQuery(seeds=(0,), mix=layer_mix.by_default(generation.manifest.space))
        behind = generation.manifest.candidates.first  # what follows the candidates is read from everyone
        recommender.rank_artists(query, offset=behind, n=WARM_N)


def _touch(index: VectorIndex) -> None:
    if index.size:
        probe = index.vectors(np.array([index.size // 2]))[0]
        index.search(probe, WARM_N)
        index.cosines(probe)


def _replay(generation: Generation) -> None:
    found = differences(generation, generation.manifest.goldens)
    if found:
        problem = f"{len(found)} recorded queries are answered otherwise than when it was built, first: {found[0]}"
        raise GenerationCorrupt(generation.label, MANIFEST, problem)


def _reason(error: BaseException, phase: Phase) -> Reason:
    is_system = any(isinstance(one, OSError | MemoryError) for one in (error, error.__cause__))
    return Reason.UNREADABLE if is_system else REASONS[phase]


def _why(error: BaseException, pointer: Pointer) -> str:
    if isinstance(error, SoundkinError):
        return str(error)
    problem = f"{type(error).__name__}: {error}"
    return f"generation {folder_name(pointer.version)} cannot be opened ({problem}); build and publish it again"
