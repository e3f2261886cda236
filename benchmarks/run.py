"""Measure every claim again and rewrite docs/benchmarks.md: what `make bench` runs.

A claim is a module of this folder that has the option ``--json FILE`` (:func:`benchmarks.measurement.add_json_option`)
and writes a :class:`benchmarks.measurement.Measurement` there. One that exits 0 without writing had nothing to measure
on this machine; its section of the page stays as it was. Modules without that option are tools, not claims.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measurement import Measurement

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` from the scripts in `benchmarks/`, one section a claim. Do not edit by hand.
"""
_OURS = ("run", "measurement")
_TAKES_JSON = re.compile(r"^ +add_json_option\(", re.MULTILINE)
_MARKER = re.compile(r"^<!-- benchmarks/(\w+)\.py -->$", re.MULTILINE)


def claims(folder: Path) -> tuple[str, ...]:
    """Names of the claims in ``folder``, sorted: every module whose text takes the option ``--json``.

    The text, for to import a module is to load what it measures.
    """
    modules = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem not in _OURS}
    return tuple(sorted(name for name, text in modules.items() if _TAKES_JSON.search(text)))


def read_sections(page: str) -> dict[str, str]:
    """Claim -> text of its section, from an earlier page."""
    _, *pieces = _MARKER.split(page)
    return {name: text.strip() for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def write_page(sections: Mapping[str, str]) -> str:
    """The whole page, sections in the order of their names."""
    marked = (f"<!-- benchmarks/{name}.py -->\n\n{sections[name]}\n" for name in sorted(sections))
    return "\n".join((HEAD, *marked))


def measure(name: str) -> tuple[Measurement | None, int]:
    """Run one claim: what it found, None when there was nothing to measure here; and its exit status.

    One that misses its own bar writes what it found and exits 1. Raises CalledProcessError when it fails before that.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", str(out)], cwd=ROOT, check=False)
        if not out.exists():
            done.check_returncode()
            return None, 0
        return Measurement.read(out), done.returncode


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
        found, status = measure(name)
    except subprocess.CalledProcessError as error:
        print(f"benchmarks/{name}.py exited with {error.returncode}; its section is left as it was", file=sys.stderr)
        return False
    if found is None:
        print(f"benchmarks/{name}.py measured nothing here; its section is left as it was")
        return True
    sections[name] = found.section()
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
