"""Measures the readability of the code against bars: ``python -m benchmarks.readability``.

``--tree FOLDER`` measures another checkout; given twice, it shows both side by side, and the bars apply to the last.
Exit status 1 when a bar is missed. It is not a claim of docs/benchmarks.md, which describes what Soundkin does and not
how it is written; so its option is ``--out`` and not ``--json``.

- Modules: every ``*.py`` file but tests, benchmarks, migrations and generated stubs. The bar is on the count without
  ``__init__.py``; of the commit a5b8e6a that is 295 (317 with them). All other counts of files leave them out too.
- Modules in a folder: directly in it.
- Short modules of one importer: under 60 lines, imported by exactly one other production module (a package's
  ``__init__.py`` is one), at its top or inside a function. A name in a string, as in the front door's table, is none.
- Lines of a file: all. Of a function's body: as tests/house.py counts.
- Comments: full-line ones, per 100 lines that hold code; docstrings are neither.
- The path of one request: see :mod:`benchmarks.readability_trace`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.readability_counts import (
    ValueRange,
    body_lengths,
    code_lines,
    comment_lines,
    fullest_folder,
    modules,
    short_with_one_importer,
    spread,
)
from benchmarks.readability_trace import NotServed, Trace, traces

ROOT = Path(__file__).resolve().parent.parent
BARS = {
    "modules": 230,
    "modules in the fullest folder": 15,
    "files entered, answering thread": 22,
    "calls over a file border": 135,
}
"""Figure -> its highest allowed value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one tree."""

    figures: dict[str, float]
    lists: dict[str, object] = field(default_factory=dict)
    """The files and calls behind the figures."""


def count_text(tree: Path) -> Report:
    """Figures from the text of the files."""
    everything = modules(tree)
    found = [module for module in everything if not module.is_package]
    folder, most = fullest_folder(found)
    short = short_with_one_importer(everything)
    code = sum(code_lines(module) for module in found)
    comments = sum(comment_lines(module) for module in found)
    figures: dict[str, float] = {
        "modules": len(found),
        "modules, __init__.py too": len(everything),
        "modules in the fullest folder": most,
        "short modules of one importer": len(short),
        **_three("lines of a file", spread([module.lines for module in found])),
        **_three("lines of a function's body", spread(body_lengths(everything))),
        "comment lines per 100 of code": round(100 * comments / code, 2) if code else 0.0,
    }
    return Report(figures=figures, lists={"fullest folder": folder, "short modules of one importer": short})


def _three(name: str, of: ValueRange) -> dict[str, float]:
    return {f"{name}, median": of.median, f"{name}, p90": of.p90, f"{name}, most": of.largest}


def trace_request(tree: Path, home: Path) -> Report:
    """Figures from the calls of one request."""
    plain, explained = traces(tree, home)
    figures: dict[str, float] = {
        "files entered, answering thread": len(plain.answering),
        "files entered, all threads": len(plain.entered),
        "calls over a file border": plain.crossings,
        "limit 20, explained: files entered, answering thread": len(explained.answering),
        "limit 20, explained: files entered, all threads": len(explained.entered),
        "limit 20, explained: calls over a file border": explained.crossings,
    }
    return Report(figures=figures, lists={"path": _path(plain), "path, explained": _path(explained)})


def _path(trace: Trace) -> dict[str, object]:
    rows = [{"file": file, "into": into, "out of": out} for file, into, out in trace.by_file()]
    return {"answering thread": trace.answering, "files": rows, "borders": trace.borders}


def table(columns: Mapping[str, Report]) -> str:
    """The figures of all trees side by side; the bars apply to the last."""
    names = list(dict.fromkeys(name for report in columns.values() for name in report.figures))
    last = list(columns.values())[-1]
    rows = [("", *columns, "bar", "")]
    for name in names:
        cells = (f"{report.figures[name]:g}" if name in report.figures else "-" for report in columns.values())
        rows.append((name, *cells, *_verdict(name, last)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def _verdict(name: str, report: Report) -> tuple[str, str]:
    if name not in BARS:
        return "", ""
    return f"<= {BARS[name]}", "FAIL" if name in missed(report) else "PASS"


def missed(report: Report) -> list[str]:
    """Names of the figures above their bar; figures that were not measured are left out."""
    return [name for name, bar in BARS.items() if report.figures.get(name, 0) > bar]


def details(report: Report) -> str:
    """The files behind the figures of one tree."""
    lines = [f"fullest folder: {report.lists['fullest folder']}"]
    path = report.lists.get("path")
    if isinstance(path, dict):
        lines += ["", "files of the request: calls over a border into and out of each (* answering thread)"]
        for row in path["files"]:
            mark = "*" if row["file"] in path["answering thread"] else " "
            lines.append(f"{row['into']:5d} {row['out of']:5d} {mark} {row['file']}")
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the readability of the code.")
    parser.add_argument(
        "--tree", type=Path, action="append", help="checkout to measure, twice for before and after; default: this one"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write figures and lists there, as JSON")
    parser.add_argument(
        "--text-only", action="store_true", help="leave out the request, which needs the home of a demo"
    )
    parser.add_argument(
        "--homes", type=Path, metavar="FOLDER", help="keep the homes of the demos in this folder, and use existing ones"
    )
    return parser.parse_args(arguments)


def _report(tree: Path, home: Path, *, text_only: bool) -> Report:
    text = count_text(tree)
    if text_only:
        return text
    path = trace_request(tree, home)
    return Report(figures=text.figures | path.figures, lists=text.lists | path.lists)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; returns 1 when the last tree misses a bar, 2 when a server did not start."""
    options = _options(arguments)
    trees = [tree.resolve() for tree in options.tree or [ROOT]]
    with ExitStack() as stack:
        homes = options.homes or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="readability-")))
        try:
            columns = {
                f"{number}: {tree.name}": _report(tree, homes.resolve() / f"{number}", text_only=options.text_only)
                for number, tree in enumerate(trees, start=1)
            }
        except NotServed as error:
            print(error, file=sys.stderr)
            return 2
    last = list(columns.values())[-1]
    print(table(columns), details(last), sep="\n\n")
    if options.out is not None:
        written = {name: {"figures": report.figures, "lists": report.lists} for name, report in columns.items()}
        options.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 1 if missed(last) else 0


if __name__ == "__main__":
    sys.exit(main())
