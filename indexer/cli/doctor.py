"""What works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from indexer.encoders.registry import encoder_names, find_model, require_weights, weights_folder
from indexer.files.home import CATALOG_FILE
from recommender import extras
from recommender.errors import SoundkinError, WeightsMissing

Check: TypeAlias = Callable[[], str]
"""Says what it found. Raises _Absent for what is not there and need not be, another error for what is wrong."""

ASKING_S = 30.0
"""How long a server may take to say what it answers from."""


class _Absent(Exception):
    """Something that is not here, and that not every machine needs; the message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried."""

    what: str
    ok: bool
    """Nothing has to be mended."""
    detail: str
    absent: bool = False
    """It is not here, which is well for a machine that does without; the detail says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that was tried, in order."""

    all: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What else than the home was set, by an option or a variable; None where nothing was."""

    database_url: str | None = None
    address: str | None = None
    """HOST:PORT of the server."""
    encoder: str | None = None
    weights: Path | None = None
    """Folder of the weights of ``encoder``."""


def examine(home: Path, settings: Settings) -> Findings:
    """Try each thing Soundkin needs, and change nothing. Never raises: a failure is a finding.

    It imports no library of an extra that is not installed, so it also runs where only the base is.
    """
    return Findings(all=tuple(_tried(what, check) for what, check in _checks(home, settings)))


def _checks(home: Path, settings: Settings) -> Iterator[tuple[str, Check]]:
    yield "python", _python
    yield "faiss", _faiss
    for extra in extras.EXTRAS:
        if extra not in ("cpu", "gpu"):  # faiss, above
            yield f"extra {extra}", partial(_extra, extra)
    yield "decoders", _decoders
    for name in encoder_names():
        if folder := weights_folder(name, home):
            chosen = settings.weights if name == settings.encoder else None
            yield f"weights of {name}", partial(_weights, name, chosen or folder)
    yield "home", partial(_home, home)
    yield "catalog", partial(_catalog, home, settings.database_url)
    yield "generation", partial(_generation, home)
    yield "server", partial(_server, settings.address)


def _tried(what: str, check: Check) -> Finding:
    try:
        return Finding(what=what, ok=True, detail=check())
    except _Absent as error:
        return Finding(what=what, ok=True, absent=True, detail=str(error))
    except ModuleNotFoundError as error:
        return _not_tried(what, error)
    except (SoundkinError, OSError, ImportError, RuntimeError) as error:
        return Finding(what=what, ok=False, detail=str(error))


def _not_tried(what: str, error: ModuleNotFoundError) -> Finding:
    """A check that an extra is missing for. Without FAISS neither program works, so that is a failure."""
    library = (error.name or "").partition(".")[0]
    extra = extras.find_extra(library)
    if extra is None:
        return Finding(what=what, ok=False, detail=f"{error}; install Soundkin again")
    detail = f"not looked at, for {library} is not installed: {extras.pip_line(extra)}"
    return Finding(what=what, ok=extra != "cpu", absent=extra != "cpu", detail=detail)


def _python() -> str:
    return f"{sys.version.split()[0]} on {sys.platform}, {os.cpu_count()} cores"


def _faiss() -> str:
    installed = {dist.metadata["Name"] for dist in importlib.metadata.distributions()}
    found = sorted(name for name in installed if name and name.startswith("faiss"))
    if len(found) != 1:
        raise RuntimeError(
            f"{', '.join(found) or 'no faiss'} installed; exactly one is needed, for they share one import name: "
            "pip uninstall the others, then pip install 'soundkin[cpu]' or 'soundkin[gpu]'"
        )
    return f"{found[0]} {importlib.metadata.version(found[0])}"


def _extra(extra: str) -> str:
    gone = extras.missing(extra)
    if gone:
        raise _Absent(
            f"{', '.join(gone)} not installed; {extras.EXTRAS[extra].needed_by} need it: {extras.pip_line(extra)}"
        )
    return "installed"


def _weights(name: str, folder: Path) -> str:
    model = find_model(name)
    if model is None:
        return "needs none"
    try:
        found = require_weights(model, folder)
    except WeightsMissing as error:
        raise _Absent(f"none in {error.folder}; {error.cure}") from error
    return f"in {found}; soundkin encoder verify {name} reads and tries them"


def _decoders() -> str:
    import av
    import soundfile

    formats = sorted(set(soundfile.available_formats()) & {"WAV", "FLAC", "OGG", "MP3"})
    if len(formats) < 4 or "aac" not in av.codecs_available:
        raise RuntimeError(
            f"only {formats} and aac={'aac' in av.codecs_available}; reinstall soundfile and av from wheels"
        )
    return f"{', '.join(formats)} ({soundfile.__libsndfile_version__}), AAC (PyAV {av.__version__})"


def _home(home: Path) -> str:
    existing = next(folder for folder in (home, *home.absolute().parents) if folder.is_dir())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise RuntimeError(f"{existing} cannot be written to; choose another folder with --home")
    free = os.statvfs(existing)
    made = "" if existing == home else " (not made yet)"
    return f"{home}{made}, {free.f_bavail * free.f_frsize / 1e9:.1f} GB free"


def _catalog(home: Path, database_url: str | None) -> str:
    from recommender.catalog import Catalog, Schema

    where = database_url or home.resolve() / CATALOG_FILE
    schema = Catalog.schema(where)
    if schema is Schema.MISSING:
        return "none yet; soundkin scan makes it"
    if schema is Schema.OLDER:
        return "of an older schema; soundkin scan migrates it"
    with Catalog.open(where) as catalog:
        counts = catalog.counts()
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def _generation(home: Path) -> str:
    from recommender.generation.open_generation import open_current, read_current

    if read_current(home) is None:
        raise _Absent("nothing published yet; soundkin scan, embed, build and publish, or copy a published home here")
    manifest = open_current(home).manifest
    return f"v{manifest.version} of {manifest.space.key}, every checksum right"


def _server(address: str | None) -> str:
    """Asks as any client does, in a process of its own: this program has no gRPC. The client knows the default."""
    words = ("info", "--json", *(("--address", address) if address else ()))
    command = [sys.executable, "-P", "-m", "soundkin", *words]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, errors="replace", check=False, timeout=ASKING_S
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"did not answer within {ASKING_S:g} s; look at its log") from error
    told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].removeprefix("soundkin: ")
    if told.startswith("no server answers"):
        raise _Absent(f"{told}, or set SOUNDKIN_ADDRESS to where one runs")
    if done.returncode:
        raise RuntimeError(told)
    said = json.loads(done.stdout)
    return f"answers from generation v{said['generation']['version']}, {said['artists']} artists"
