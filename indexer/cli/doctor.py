"""What works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.encoders.registry import encoder_names
from indexer.files.home import CATALOG_FILE
from recommender.catalog import Catalog, Schema
from recommender.errors import SoundkinError
from recommender.generation.open_generation import open_current, read_current


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried."""

    what: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that was tried, in order."""

    all: tuple[Finding, ...]


def examine(home: Path, database_url: str | None) -> Findings:
    """Try each thing Soundkin needs, and change nothing. Never raises: a failure is a finding."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("python", _python),
        ("faiss", _faiss),
        ("decoders", _decoders),
        ("encoders", lambda: ", ".join(encoder_names())),
        ("home", lambda: _home(home)),
        ("catalogue", lambda: _catalogue(home, database_url)),
        ("generation", lambda: _generation(home)),
    )
    return Findings(all=tuple(_tried(what, check) for what, check in checks))


def _tried(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, ok=True, detail=check())
    except (SoundkinError, OSError, ImportError, RuntimeError) as error:
        return Finding(what=what, ok=False, detail=str(error))


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


def _catalogue(home: Path, database_url: str | None) -> str:
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
    if read_current(home) is None:
        return "nothing published yet"
    manifest = open_current(home).manifest
    return f"{manifest.version} of {manifest.space.key}, every checksum right"
