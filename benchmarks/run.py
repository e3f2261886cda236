"""Measures every claim again and rewrites docs/benchmarks.md. ``make bench`` runs it.

A claim is a module of this folder with the option ``--json FILE`` (:func:`benchmarks.measurement.add_json_option`),
which writes a :class:`benchmarks.measurement.Measurement` there. A claim that exits with 0 and writes nothing could not
be measured on this machine; its section of the page does not change. Modules without that option are tools, not claims.
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
_NO_CLAIMS = ("run", "measurement")
_TAKES_JSON = re.compile(r"^ +add_json_option\(", re.MULTILINE)
_MARKER = re.compile(r"^<!-- benchmarks/(\w+)\.py -->$", re.MULTILINE)


def claims(folder: Path) -> tuple[str, ...]:
    """Names of the claims in ``folder``, sorted: every module whose text calls ``add_json_option``.

    The text is searched, because importing a module would load all that it measures.
    """
    modules = {
        path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem not in _NO_CLAIMS
    }
    return tuple(sorted(name for name, text in modules.items() if _TAKES_JSON.search(text)))


def read_sections(page: str) -> dict[str, str]:
    """Claim -> text of its section on the page."""
    _, *pieces = _MARKER.split(page)
    return {name: text.strip() for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def write_page(sections: Mapping[str, str]) -> str:
    """The whole page, sections sorted by name."""
    marked = (f"<!-- benchmarks/{name}.py -->\n\n{sections[name]}\n" for name in sorted(sections))
    return "\n".join((HEAD, *marked))


def measure(name: str) -> tuple[Measurement | None, int]:
    """Run one claim; return its result (None when it could not be measured here) and its exit status.

    A claim that misses its bar writes its result and exits with 1. Raises CalledProcessError when the script fails
    before it has written a result.
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
        parser.error(f"unknown claim: {', '.join(unknown)}; the claims are: {', '.join(known)}")
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
        print(f"benchmarks/{name}.py exited with {error.returncode}; its section was not changed", file=sys.stderr)
        return False
    if found is None:
        print(f"benchmarks/{name}.py cannot be measured here; its section was not changed")
        return True
    sections[name] = found.section()
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
