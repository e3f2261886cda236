"""What a nightly run is asked to do: a TOML file, every key of it checked before anything is begun."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from indexer.collect import CollectOptions
from indexer.encoders import encoder_names
from indexer.encoders.settings import EncoderSettings
from indexer.overnight.fields import Table
from indexer.store.shard import Stored
from recommender.errors import InvalidArgument
from recommender.types import Profile

CONFIG_FILE = "nightly.toml"
"""Where the configuration is looked for in a home."""

KINDS = ("genres", "scene", "collaborations")
"""What may be imported, in that order."""

_MAX_SOURCE = 64

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFolder:
    """``[[scan]]``: a folder of music."""

    folder: Path
    manifest: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """``[[genres]]``, ``[[scene]]`` or ``[[collaborations]]``: a file of metadata, entered anew in every run."""

    kind: str
    file: Path
    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderChoice:
    """``[encoder]``: what embeds."""

    name: str | None
    """None: the default encoder, and nothing is said about a change of encoder."""
    settings: EncoderSettings
    """``weights`` is None where they lie in the home."""
    batch: int | None
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyConfig:
    """All of it."""

    profile: Profile
    workers: int
    scans: tuple[ScanFolder, ...]
    imports: tuple[ImportFile, ...]
    encoder: EncoderChoice
    collect: CollectOptions


def read_config(path: Path) -> NightlyConfig:
    """Read ``path``; the paths in it are seen from its folder, ``~`` is the home folder of the account.

    Raises InvalidArgument, whose ``field`` names the file and the key, for a file that cannot be read, a key nobody
    knows, a value of the wrong type or out of range, and a folder or file that is listed twice.
    """
    table = Table(_parsed(path), prefix=f"{path.name}: ", folder=path.absolute().parent)
    config = NightlyConfig(
        profile=Profile(table.choice("profile", [use.value for use in Profile], default=Profile.PERSONAL.value)),
        workers=table.number("workers", default=max(1, os.cpu_count() or 1), least=1, most=256),
        scans=_listed(table, "scan", _scan),
        imports=tuple(item for kind in KINDS for item in _listed(table, kind, partial(_import, kind=kind))),
        encoder=_encoder(table.inner("encoder")),
        collect=_collect(table.inner("collect")),
    )
    table.refuse_others()
    _refuse_twice(path, "scan", [str(scan.folder) for scan in config.scans])
    for kind in KINDS:
        _refuse_twice(path, kind, [f"{item.file} as {item.source}" for item in config.imports if item.kind == kind])
    if not config.scans:
        raise InvalidArgument(f"{path.name}: scan", 'lists no folder; add [[scan]] with folder = "/where/it/is"')
    return config


def _parsed(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror}); write one as docs/operations.md shows, or give --config"
        raise InvalidArgument("config", problem) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument("config", f"{path} is not TOML: {error}") from error


def _listed(table: Table, name: str, make: Callable[[Table], ItemT]) -> tuple[ItemT, ...]:
    found = []
    for row in table.rows(name):
        found.append(make(row))
        row.refuse_others()
    return tuple(found)


def _scan(row: Table) -> ScanFolder:
    return ScanFolder(folder=row.path("folder"), manifest=row.optional_path("manifest"))


def _import(row: Table, *, kind: str) -> ImportFile:
    file = row.path("file")
    source = row.text("source", default=file.name[:_MAX_SOURCE])
    if len(source) > _MAX_SOURCE:
        raise row.wrong("source", f"has more than {_MAX_SOURCE} characters; shorten it")
    return ImportFile(kind=kind, file=file, source=source, licence=row.text("licence", default="none"))


def _encoder(row: Table) -> EncoderChoice:
    choice = EncoderChoice(
        name=row.choice("name", encoder_names(), default="") or None,
        settings=EncoderSettings(
            weights=row.optional_path("weights"),
            device=row.text("device", default="auto"),
            context=row.text("context", default="full"),
            precision=row.choice("precision", ("auto", "fp32", "fp16"), default="auto"),
        ),
        batch=row.number("batch", default=0, least=0, most=1024) or None,
        stored=Stored(row.choice("store", [stored.value for stored in Stored], default=Stored.FP32.value)),
    )
    row.refuse_others()
    return choice


def _collect(row: Table) -> CollectOptions:
    before = CollectOptions()
    options = CollectOptions(
        keep=row.number("keep", default=before.keep, least=1, most=1000),
        min_age_hours=row.number("min_age_hours", default=int(before.min_age_hours), least=0, most=24 * 365),
    )
    row.refuse_others()
    return options


def _refuse_twice(path: Path, name: str, values: Sequence[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise InvalidArgument(f"{path.name}: {name}", f"lists {twice[0]} twice; list it once")
