"""The result of one benchmark: as JSON between processes, and as a section of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import packages_distributions, version
from pathlib import Path

from recommender.process_control import THREAD_VARIABLES

_CPUINFO = Path("/proc/cpuinfo")
ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
"""Environment of a measured process. With several threads, waiting for each other would count as CPU time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The result of one script."""

    title: str
    command: str
    """How to measure it again."""
    machine: str
    """The machine as text, from :func:`machine`."""
    table_markdown: str
    notes: tuple[str, ...]
    figures: Mapping[str, object] = field(default_factory=dict)
    """Figures for programs, as JSON values; the page does not show them."""

    @classmethod
    def read(cls, path: Path) -> Measurement:
        """Read the file that :meth:`write` wrote. Raises KeyError or ValueError for another shape."""
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = {name: str(data[name]) for name in ("title", "command", "machine", "table_markdown")}
        return cls(**texts, notes=tuple(data["notes"]), figures=data.get("figures", {}))

    def write(self, path: Path) -> None:
        """Write it as JSON for :meth:`read`."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def section(self) -> str:
        """The result as one section of the page."""
        notes = "\n".join(f"- {note}" for note in self.notes)
        parts = (f"## {self.title}", f"`{self.command}` on {self.machine}", self.table_markdown.strip(), notes)
        return "\n\n".join(part for part in parts if part)


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json FILE``, which makes the script a claim. Its value is ``out``; None when not given."""
    parser.add_argument(
        "--json", type=Path, dest="out", metavar="FILE", help="also write the result there, for benchmarks/run.py"
    )


def publish(result: Measurement, out: Path | None) -> None:
    """Print the table and the notes of ``result``, and write it to ``out`` where that is given."""
    print(result.table_markdown, *(f"- {note}" for note in result.notes), sep="\n")
    if out is not None:
        result.write(out)


def machine(*libraries: str) -> str:
    """This machine as text: processor, CPUs, Python, and the version of each of ``libraries``, by import name.

    Raises KeyError for a library that is not installed.
    """
    distributions = packages_distributions() if libraries else {}
    versions = [f"{name} {version(distributions[name][0])}" for name in libraries]
    return ", ".join([_processor(), f"{os.cpu_count()} CPUs", f"Python {platform.python_version()}", *versions])


def _processor() -> str:
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
