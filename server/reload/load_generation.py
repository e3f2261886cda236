"""Loads a generation for the server in stages: lease, checksums, licence, opening, warming, golden answers.

Runs in the loader's thread and reads every byte of the generation. A failed stage gives the reason of the rejection.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

RETRY_S = 30.0
"""Seconds until a rejected generation is tried again. The wait doubles with each further rejection."""

MAX_RETRY_S = 3600.0
"""Longest wait in seconds: the disk or network that has its files may have been repaired."""

MAX_REMEMBERED = 64
"""Rejected generations that are remembered; the oldest is dropped first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A generation that cannot be served."""

    key: str
    """:func:`key_of` its pointer or, when the pointer itself is unreadable, the problem."""
    reason: Reason
    why: str
    """For the operator: the file, the problem, and what to do next."""


def key_of(pointer: Pointer) -> str:
    """Key of the generation that ``pointer`` names: its version and the checksum of its manifest."""
    return f"{pointer.version} {pointer.manifest_sha256}"


class RejectedGenerations:
    """The rejected generations of this process, by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[str, tuple[float, float]] = {}
        """Key -> clock time of the next try, and seconds from the last rejection to it."""

    def due(self, key: str) -> bool:
        """Whether ``key`` may be tried now: it was never rejected, or its wait is over."""
        return key not in self._waits or self._clock() >= self._waits[key][0]

    def add(self, key: str) -> bool:
        """Record that ``key`` was rejected. True when it was not rejected before."""
        _, waited_s = self._waits.pop(key, (0.0, 0.0))
        wait_s = min(2 * waited_s, MAX_RETRY_S) if waited_s else RETRY_S
        while len(self._waits) >= MAX_REMEMBERED:
            del self._waits[next(iter(self._waits))]
        self._waits[key] = (self._clock() + wait_s, wait_s)
        return not waited_s

    def forget(self, key: str) -> None:
        """Forget ``key``, because it was loaded after all."""
        self._waits.pop(key, None)


LOAD_ERRORS = (
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
"""Errors of opening damaged files: Soundkin's, the system's, numpy's, and FAISS's, which asserts. They reject the
generation. Any other error is a bug and ends the server.
"""

WARM_N = 10
"""Results of each search that warms an index."""

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
"""Stage -> reason of a rejection in it. An error of the operating system is UNREADABLE in every stage."""

Observe = Callable[[Phase, float], None]
"""Called after each finished stage, with its seconds."""


class _Stages:
    """Knows the current stage of a load, and measures each."""

    def __init__(self, observe: Observe) -> None:
        self.current = Phase.LEASE
        self._observe = observe

    @contextmanager
    def __call__(self, phase: Phase) -> Iterator[None]:
        self.current, started = phase, time.perf_counter()
        yield
        self._observe(phase, time.perf_counter() - started)


def load(
    home: Path, pointer: Pointer, *, use: Use, observe: Observe, show_paths: bool = False
) -> LoadedGeneration | Rejection:
    """Load the generation of ``home`` that ``pointer`` names; a Rejection when it cannot be served.

    It is returned only after all of it was read and found to be as it was published. Without ``show_paths`` the paths
    of files are dropped as soon as it is open, so that no reply can contain one.
    """
    stages, folder = _Stages(observe), home / VERSIONS / folder_name(pointer.version)
    try:
        return _load(folder, pointer, use=use, stages=stages, show_paths=show_paths)
    except LOAD_ERRORS as error:
        return Rejection(key=key_of(pointer), reason=_reason(error, stages.current), why=_why(error, pointer))


def older_generations(home: Path, below: int | None) -> list[Pointer]:
    """Pointers to the generations with a version under ``below``, or to all when it is None; newest first.

    Nothing is verified yet. Folders without a readable manifest are left out.
    """
    folders = [(int(folder.name[1:]), folder) for folder in (home / VERSIONS).glob("v" + "[0-9]" * 8)]
    pointers = []
    for version, folder in sorted(folders, reverse=True):
        if below is not None and version >= below:
            continue
        try:
            pointers.append(Pointer(version=version, manifest_sha256=_digest(folder)))
        except OSError:
            continue
    return pointers


def _load(folder: Path, pointer: Pointer, *, use: Use, stages: _Stages, show_paths: bool) -> LoadedGeneration:
    with stages(Phase.LEASE):
        lease = Lease.take(folder)
    try:
        recommender = _open(folder, pointer, use=use, stages=stages, show_paths=show_paths)
    except BaseException:
        lease.release()
        raise
    return LoadedGeneration(pointer=pointer, recommender=recommender, lease=lease)


def _open(folder: Path, pointer: Pointer, *, use: Use, stages: _Stages, show_paths: bool) -> Recommender:
    with stages(Phase.IDENTITY):
        _require_published(folder, pointer)
    with stages(Phase.MANIFEST):
        manifest = _manifest(folder, pointer)
    with stages(Phase.LICENCE):
        require_use_of(manifest, use)
    with stages(Phase.CHECKSUM):
        verify(folder, manifest)
    with stages(Phase.OPEN):
        generation = open_verified(folder, manifest)
        recommender = Recommender(generation if show_paths else _without_paths(generation))
    with stages(Phase.WARM):
        warm(recommender)
    with stages(Phase.GOLDEN):
        _check_golden_answers(recommender.generation)
    return recommender


def _without_paths(generation: Generation) -> Generation:
    contents = generation.contents
    return replace(generation, contents=replace(contents, details=contents.details.without_paths()))


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
    """Check that the generation may be used for ``use``. Raises LicenceRefused when it was built for a narrower use."""
    require_use(f"generation {folder_name(manifest.version)}", manifest.use, use)


def warm(recommender: Recommender) -> None:
    """Use every index and every signal once, so that no request has to wait for the disk or for an index of names."""
    generation = recommender.generation
    for index in (*generation.tracks.values(), *generation.artists.values()):
        _warm_index(index)
    if len(generation.contents.artists.ids):
        query = ArtistQuery(seeds=(0,), mix=layer_mix.by_default(generation.manifest.space))
        # A page after the candidates is ranked among all artists, so it reads the data of every artist.
        recommender.rank_artists(query, offset=generation.manifest.candidates.first, n=WARM_N)
    recommender.directory.prepare()


def _warm_index(index: VectorIndex) -> None:
    if index.size:
        probe = index.vectors(np.array([index.size // 2]))[0]
        index.search(probe, WARM_N)
        index.cosines(probe)


def _check_golden_answers(generation: Generation) -> None:
    changed = differences(generation, generation.manifest.goldens)
    if changed:
        problem = f"{len(changed)} recorded queries are answered otherwise than when it was built, first: {changed[0]}"
        raise GenerationCorrupt(generation.label, MANIFEST, problem)


def _reason(error: BaseException, phase: Phase) -> Reason:
    is_system = any(isinstance(one, OSError | MemoryError) for one in (error, error.__cause__))
    return Reason.UNREADABLE if is_system else REASONS[phase]


def _why(error: BaseException, pointer: Pointer) -> str:
    if isinstance(error, SoundkinError):
        return str(error)
    problem = f"{type(error).__name__}: {error}"
    return f"generation {folder_name(pointer.version)} cannot be opened ({problem}); build and publish it again"
