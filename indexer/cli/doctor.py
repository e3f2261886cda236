"""Checks what works on this machine, for the command `doctor`; each failed check names what to do."""

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
"""Returns what it found. Raises _Absent for an optional thing that is not there, another error for a fault."""

SERVER_TIMEOUT_S = 30.0
"""Seconds that a server may take to answer."""


class _Absent(Exception):
    """Something optional is not here; the message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    what: str
    ok: bool
    """Nothing has to be repaired."""
    detail: str
    absent: bool = False
    """It is not here, and optional; the detail says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The results of all checks, in order."""

    all: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the user other than the home, from options or variables; None where not set."""

    database_url: str | None = None
    address: str | None = None
    """HOST:PORT of the server."""
    encoder: str | None = None
    weights: Path | None = None
    """Folder of the weights of ``encoder``."""


def examine(home: Path, settings: Settings) -> Findings:
    """Check each thing that Soundkin needs, without changing anything. Never raises: a failure is a finding.

    Runs with the base installation alone: it imports no library of an extra that is not installed.
    """
    return Findings(all=tuple(_run(what, check) for what, check in _checks(home, settings)))


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


def _run(what: str, check: Check) -> Finding:
    try:
        return Finding(what=what, ok=True, detail=check())
    except _Absent as error:
        return Finding(what=what, ok=True, absent=True, detail=str(error))
    except ModuleNotFoundError as error:
        return _missing_library(what, error)
    except (SoundkinError, OSError, ImportError, RuntimeError) as error:
        return Finding(what=what, ok=False, detail=str(error))


def _missing_library(what: str, error: ModuleNotFoundError) -> Finding:
    """The finding of a check that needs a missing library. FAISS is required by every program, so that is a failure."""
    library = (error.name or "").partition(".")[0]
    extra = extras.find_extra(library)
    if extra is None:
        return Finding(what=what, ok=False, detail=f"{error}; install Soundkin again")
    detail = f"not checked, because {library} is not installed: {extras.pip_line(extra)}"
    return Finding(what=what, ok=extra != "cpu", absent=extra != "cpu", detail=detail)


def _python() -> str:
    return f"{sys.version.split()[0]} on {sys.platform}, {os.cpu_count()} cores"


def _faiss() -> str:
    installed = {dist.metadata["Name"] for dist in importlib.metadata.distributions()}
    packages = sorted(name for name in installed if name and name.startswith("faiss"))
    if len(packages) != 1:
        raise RuntimeError(
            f"{', '.join(packages) or 'no faiss'} installed; exactly one is needed (all share one import name): "
            "pip uninstall the others, then pip install 'soundkin[cpu]' or 'soundkin[gpu]'"
        )
    return f"{packages[0]} {importlib.metadata.version(packages[0])}"


def _extra(extra: str) -> str:
    missing = extras.missing(extra)
    if missing:
        raise _Absent(
            f"{', '.join(missing)} not installed; {extras.EXTRAS[extra].needed_by} need it: {extras.pip_line(extra)}"
        )
    return "installed"


def _weights(name: str, folder: Path) -> str:
    model = find_model(name)
    if model is None:
        return "needs none"
    try:
        present = require_weights(model, folder)
    except WeightsMissing as error:
        raise _Absent(f"none in {error.folder}; {error.cure}") from error
    return f"in {present}; soundkin encoder verify {name} checks them"


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
    return f"v{manifest.version} of {manifest.space.key}, every checksum correct"


def _server(address: str | None) -> str:
    """Ask the server with the client command, in another process: the indexer may not import gRPC or the server."""
    arguments = ("info", "--json", *(("--address", address) if address else ()))
    command = [sys.executable, "-P", "-m", "soundkin", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, errors="replace", check=False, timeout=SERVER_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"did not answer within {SERVER_TIMEOUT_S:g} s; see its log") from error
    message = (done.stderr.strip().splitlines() or ["no message"])[-1].removeprefix("soundkin: ")
    if message.startswith("no server answers"):
        raise _Absent(f"{message}, or set SOUNDKIN_ADDRESS to where one runs")
    if done.returncode:
        raise RuntimeError(message)
    reply = json.loads(done.stdout)
    return f"answers from generation v{reply['generation']['version']}, {reply['artists']} artists"
