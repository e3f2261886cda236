"""Measure every claim again and rewrite docs/benchmarks.md: what `make bench` runs.

A claim is a module of this folder that has an option ``--json FILE`` and writes there ``title``, ``command``,
``machine``, ``table_markdown`` and ``notes`` (a list of lines). One that exits 0 without writing had nothing to measure
on this machine; its section of the page stays as it was. Modules without that option are tools, not claims.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` from the scripts in `benchmarks/`, one section a claim. Do not edit by hand.
"""
_MARKER = re.compile(r"^<!-- benchmarks/(\w+)\.py -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one script found."""

    title: str
    command: str
    """How to measure it again."""
    machine: str
    """Where it was measured, in words."""
    table_markdown: str
    notes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Measurement:
        """Read what a script wrote. Raises KeyError or ValueError when it is of another shape."""
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = {name: str(data[name]) for name in ("title", "command", "machine", "table_markdown")}
        return cls(**texts, notes=tuple(data["notes"]))

    def section(self) -> str:
        """The measurement as one section of the page."""
        notes = "\n".join(f"- {note}" for note in self.notes)
        parts = (f"## {self.title}", f"`{self.command}` on {self.machine}", self.table_markdown.strip(), notes)
        return "\n\n".join(part for part in parts if part)


def claims(folder: Path) -> tuple[str, ...]:
    """Names of the claims in ``folder``, sorted: every module but this one whose text has the option ``--json``."""
    modules = (path for path in folder.glob("*.py") if path.stem != "run")
    return tuple(sorted(path.stem for path in modules if '"--json"' in path.read_text(encoding="utf-8")))


def read_sections(page: str) -> dict[str, str]:
    """Claim -> text of its section, from an earlier page."""
    _, *pieces = _MARKER.split(page)
    return {name: text.strip() for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def write_page(sections: Mapping[str, str]) -> str:
    """The whole page, sections in the order of their names."""
    marked = (f"<!-- benchmarks/{name}.py -->\n\n{sections[name]}\n" for name in sorted(sections))
    return "\n".join((HEAD, *marked))


def measure(name: str) -> Measurement | None:
    """Run one claim; None when it had nothing to measure here. Raises CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", str(out)], cwd=ROOT, check=True)
        return Measurement.read(out) if out.exists() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the claims named (all by default) and rewrite the page; 1 if a script failed."""
    known = claims(ROOT / "benchmarks")
    parser = argparse.ArgumentParser(description="Measure the claims and rewrite docs/benchmarks.md.")
    parser.add_argument("names", nargs="*", metavar="CLAIM", help=f"one or more of: {', '.join(known)}; default: all")
    names = parser.parse_args(arguments).names or known
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no claim called {', '.join(unknown)}; there are: {', '.join(known)}")
    sections = read_sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    sections = {name: text for name, text in sections.items() if name in known}
    failed = [name for name in names if not _remeasure(name, sections)]
    PAGE.write_text(write_page(sections), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _remeasure(name: str, sections: dict[str, str]) -> bool:
    print(f"--- benchmarks/{name}.py", flush=True)
    try:
        found = measure(name)
    except subprocess.CalledProcessError as error:
        print(f"benchmarks/{name}.py exited with {error.returncode}; its section is left as it was", file=sys.stderr)
        return False
    if found is None:
        print(f"benchmarks/{name}.py measured nothing here; its section is left as it was")
        return True
    sections[name] = found.section()
    return True


if __name__ == "__main__":
    sys.exit(main())
