"""The configuration of a nightly run, nightly.toml: every key is checked before the run begins.

It is read with code of its own, not with msgspec as the other files are: a person writes it, and msgspec's messages
name neither the allowed values nor the known keys.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from indexer.encoders.base import EncoderSettings
from indexer.encoders.registry import encoder_names
from indexer.ingest.path_layout import checked_layouts
from indexer.maintain.collect import CollectOptions
from indexer.store.shard import Stored
from recommender.errors import InvalidArgument
from recommender.types import Use


class Table:
    """The values of a TOML table by key, and which keys were read, so that unknown ones can be refused.

    >>> row = Table({"workers": 3}, prefix="nightly.toml: ", folder=Path("/etc"))
    >>> row.number("workers", default=1, least=1, most=8)
    3
    """

    def __init__(self, values: Mapping[str, object], *, prefix: str, folder: Path) -> None:
        """``prefix``: what messages put before a key. ``folder``: where relative paths start."""
        self._values = values
        self._prefix = prefix
        self._folder = folder
        self._known: set[str] = set()

    def wrong(self, key: str, problem: str) -> InvalidArgument:
        """The error for a key."""
        return InvalidArgument(f"{self._prefix}{key}", problem)

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text that is not blank; without ``default`` it has to be there."""
        value = self._take(key, default)
        if not isinstance(value, str) or (value != default and not value.strip()):
            raise self.wrong(key, f"is {_shown(value)}; give a text in quotes")
        return value

    def choice(self, key: str, allowed: Sequence[str], *, default: str) -> str:
        """One of some texts."""
        value = self._take(key, default)
        if value != default and value not in allowed:
            raise self.wrong(key, f"is {_shown(value)}; choose one of {', '.join(allowed)}")
        return str(value)

    def number(self, key: str, *, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"is {_shown(value)}; give a whole number from {least} to {most}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when it is not given."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
            raise self.wrong(key, f"is {_shown(value)}; give a list of texts in quotes")
        return tuple(value)

    def path(self, key: str) -> Path:
        """A path that has to be given, made absolute."""
        return self._absolute(key, self.text(key))

    def optional_path(self, key: str) -> Path | None:
        """A path, made absolute; None when it is not given."""
        self._known.add(key)
        return self.path(key) if key in self._values else None

    def inner(self, key: str) -> Table:
        """The table ``[key]``; empty when it is not there."""
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(key, f"is {_shown(value)}; make it a table, [{key}]")
        return Table(value, prefix=f"{self._prefix}{key}.", folder=self._folder)

    def rows(self, key: str) -> list[Table]:
        """The tables ``[[key]]``, in order."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise self.wrong(key, f"is {_shown(value)}; make it a list of tables, [[{key}]]")
        numbered = enumerate(value, start=1)
        return [Table(row, prefix=f"{self._prefix}{key}[{n}].", folder=self._folder) for n, row in numbered]

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        return key in self._values

    def refuse_others(self) -> None:
        """Raise InvalidArgument for the first key that was not read: a misspelt key must not be ignored."""
        for key in self._values:
            if key not in self._known:
                raise self.wrong(key, f"is not known; known here: {', '.join(sorted(self._known))}")

    def _take(self, key: str, default: object) -> object:
        self._known.add(key)
        value = self._values.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing; give it")
        return value

    def _absolute(self, key: str, text: str) -> Path:
        try:
            return self._folder / Path(text).expanduser()
        except RuntimeError as error:
            raise self.wrong(key, f"is {text!r}, and this account has no home folder; write the whole path") from error


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__


CONFIG_FILE = "nightly.toml"
"""Where the configuration is looked for in a home."""

KINDS = ("genres", "scene", "collaborations")
"""Kinds of metadata files, in the order in which they are imported."""

_MAX_SOURCE = 64

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFolder:
    """``[[scan]]``: a folder of music."""

    folder: Path
    tracklist: Path | None
    layouts: tuple[str, ...] = ()
    """Empty for the built-in ones."""
    forget_after_days: int | None = None
    """None: vanished files stay in the catalog."""


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
    """None: the default encoder; the gate then refuses a change of encoder."""
    settings: EncoderSettings
    """``weights`` is None where they lie in the home."""
    batch: int | None
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyConfig:
    """The whole configuration."""

    use: Use
    workers: int
    scans: tuple[ScanFolder, ...]
    imports: tuple[ImportFile, ...]
    encoder: EncoderChoice
    collect: CollectOptions


def read_config(path: Path) -> NightlyConfig:
    """Read ``path``; the paths in it are relative to its folder, ``~`` is the home folder of the account.

    Raises InvalidArgument, whose ``field`` names the file and the key, for a file that cannot be read, an unknown key,
    a value of the wrong type or out of range, and a folder or file that is listed twice.
    """
    table = Table(_parsed(path), prefix=f"{path.name}: ", folder=path.absolute().parent)
    config = NightlyConfig(
        use=_use(table),
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
    items = []
    for row in table.rows(name):
        items.append(make(row))
        row.refuse_others()
    return tuple(items)


def _scan(row: Table) -> ScanFolder:
    tracklist, old = row.optional_path("tracklist"), row.optional_path("manifest")
    if tracklist and old and tracklist != old:
        raise row.wrong(
            "manifest", f"is {old} and tracklist is {tracklist}; manifest is an older name, give tracklist alone"
        )
    has_days = row.has("forget_after_days")
    days = row.number("forget_after_days", default=0, least=0, most=36500)
    layouts = row.texts("layouts")
    try:
        checked_layouts(layouts)
    except InvalidArgument as error:
        raise row.wrong("layouts", error.problem) from error
    return ScanFolder(
        folder=row.path("folder"),
        tracklist=tracklist or old,
        layouts=layouts,
        forget_after_days=days if has_days else None,
    )


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


def _use(table: Table) -> Use:
    """What the data is used for: the key ``use``, or ``profile``, its name in configurations of release 0.1."""
    allowed = [use.value for use in Use]
    old = table.choice("profile", allowed, default=Use.PERSONAL.value)
    use = table.choice("use", allowed, default=old)
    if table.has("profile") and use != old:
        raise table.wrong("profile", f"is {old!r} and use is {use!r}; profile is an older name of use, give use alone")
    return Use(use)
