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
class Bar:
    """What a figure must reach, written before it is measured. Noise or the naive baseline must miss it."""

    name: str
    value: float
    threshold: float
    at_least: bool = True
    """The value must be at least the threshold; else below it."""

    @property
    def passed(self) -> bool:
        """Whether the value reaches the threshold; NaN, nothing measured, does not."""
        return self.value >= self.threshold if self.at_least else self.value < self.threshold

    @property
    def line(self) -> str:
        """Such as ``PASS: speed 2.10 (bar: at least 2)``."""
        side = "at least" if self.at_least else "below"
        return f"{'PASS' if self.passed else 'FAIL'}: {self.name} {self.value:.4g} (bar: {side} {self.threshold:g})"


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
    bars: tuple[Bar, ...] = ()
    made: str = ""
    """When, of which commit and under which load: set when the result is kept."""

    @property
    def status(self) -> int:
        """Exit status of the script: 1 when a bar is missed."""
        return int(not all(bar.passed for bar in self.bars))

    @classmethod
    def read(cls, path: Path) -> Measurement:
        """Read the file that :meth:`write` wrote. Raises KeyError or ValueError for another shape."""
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = {name: str(data[name]) for name in ("title", "command", "machine", "table_markdown")}
        return cls(
            **texts,
            notes=tuple(data["notes"]),
            figures=data.get("figures", {}),
            bars=tuple(Bar(**bar) for bar in data.get("bars", ())),
            made=str(data.get("made", "")),
        )

    def write(self, path: Path) -> None:
        """Write it as JSON for :meth:`read`."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def section(self) -> str:
        """The result as one section of the page."""
        notes = "\n".join(f"- {note}" for note in (*(bar.line for bar in self.bars), *self.notes))
        made = f"; {self.made}" if self.made else ""
        parts = (f"## {self.title}", f"`{self.command}` on {self.machine}{made}", self.table_markdown.strip(), notes)
        return "\n\n".join(part for part in parts if part)


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json FILE``, which makes the script a claim. Its value is ``out``; None when not given."""
    parser.add_argument(
        "--json", type=Path, dest="out", metavar="FILE", help="also write the result there, for benchmarks/run.py"
    )


def publish(result: Measurement, out: Path | None) -> None:
    """Print the table, the bars and the notes of ``result``, and write it to ``out`` where that is given."""
    print(result.table_markdown, *(bar.line for bar in result.bars), *(f"- {note}" for note in result.notes), sep="\n")
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
