"""Measures claims again, keeps the results in benchmarks/results, and writes docs/benchmarks.md from them.

A claim is a module of this folder with the option ``--json FILE`` (:func:`benchmarks.measurement.add_json_option`),
which writes a :class:`benchmarks.measurement.Measurement` there. A claim that exits with 0 and writes nothing could not
be measured on this machine; its kept result does not change. One that misses a bar is kept and shown with its FAIL.
Modules without that option are tools, not claims. ``--page`` writes the page alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measurement import Measurement

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = ROOT / "benchmarks" / "results"
"""Kept results, ``NAME.json``."""
HEAD = """# Benchmarks

Written by `make bench` from the results that the scripts in `benchmarks/` left in `benchmarks/results/`, one section a
claim. Do not edit by hand.
"""
_NO_CLAIMS = ("run", "measurement")
_TAKES_JSON = re.compile(r"^ +add_json_option\(", re.MULTILINE)


def claims(folder: Path) -> tuple[str, ...]:
    """Names of the claims in ``folder``, sorted: every module whose text calls ``add_json_option``.

    The text is searched, because importing a module would load all that it measures.
    """
    modules = {
        path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem not in _NO_CLAIMS
    }
    return tuple(sorted(name for name, text in modules.items() if _TAKES_JSON.search(text)))


def write_page(known: Sequence[str]) -> str:
    """The page of the kept results of the claims ``known``, sorted by name."""
    kept = {name: RESULTS / f"{name}.json" for name in sorted(known)}
    sections = {name: Measurement.read(path).section() for name, path in kept.items() if path.exists()}
    return "\n".join((HEAD, *(f"<!-- benchmarks/{name}.py -->\n\n{text}\n" for name, text in sections.items())))


def made_now() -> str:
    """Date, commit and load, such as ``2026-12-01, commit 1a2b3c4d, load 0.4``."""
    git = ["git", "-C", str(ROOT), "rev-parse", "--short=8", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, load {os.getloadavg()[0]:.1f}"


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
    """Measure the claims named (all by default) and rewrite the page; 1 if a script failed or a bar was missed."""
    known = claims(ROOT / "benchmarks")
    parser = argparse.ArgumentParser(description="Measure the claims and rewrite docs/benchmarks.md.")
    parser.add_argument("names", nargs="*", metavar="CLAIM", help=f"one or more of: {', '.join(known)}; default: all")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page from the kept results")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"unknown claim: {', '.join(unknown)}; the claims are: {', '.join(known)}")
    names = () if options.page else options.names or known
    failed = [name for name in names if not _remeasure(name)]
    PAGE.write_text(write_page(known), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _remeasure(name: str) -> bool:
    print(f"--- benchmarks/{name}.py", flush=True)
    try:
        found, status = measure(name)
    except subprocess.CalledProcessError as error:
        print(f"benchmarks/{name}.py exited with {error.returncode}; its result was not changed", file=sys.stderr)
        return False
    if found is None:
        print(f"benchmarks/{name}.py cannot be measured here; its result was not changed")
        return True
    RESULTS.mkdir(parents=True, exist_ok=True)
    replace(found, made=made_now()).write(RESULTS / f"{name}.json")
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
