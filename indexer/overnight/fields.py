"""One table of a TOML file, read key by key: each of its type, none that nobody knows, every complaint by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from recommender.errors import InvalidArgument


class Table:
    """Values by key, and which keys were asked for.

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

    def refuse_others(self) -> None:
        """Raise InvalidArgument for the first key that was not asked for: a misspelt one must not go unnoticed."""
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
