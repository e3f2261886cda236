"""Cost of `soundkin scan` on 10,000 tagged files, beside mutagen alone and an import of beets.

In each round: a first scan into a new home, a second one where nothing has changed, one with --reread, mutagen.File on
every file, `beet import -A` without copying; then a tenth of the files get another artist, title, genre, cover and
name, and are scanned. Every step is a program of its own; the cost is the CPU time of all its processes, their start
included. The bars are ratios within one round, and counts: no retagged file may be a new clip.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.measurement import ONE_THREAD, Bar, Measurement, add_json_option, machine, publish
from benchmarks.scan_library_files import retag_file, retagged, songs, write_library
from benchmarks.scan_library_tags import Song

ROOT = Path(__file__).resolve().parent.parent
FILES, ROUNDS, WORKERS = 10_000, 3, 2
BEETS = "beets==2.14.1"
MAX_UNCHANGED = 0.1
"""Of the time of a first scan."""
MAX_TIMES_MUTAGEN = 12.0
"""CPU of a first scan, in times of mutagen.File alone. Set after the first measurement, 9.7 on a busy machine, with a
quarter on top for the noise: it guards what was reached, and does not say what could be. mutagen reads a few kB of a
file; a scan reads all of it, hashes it twice, and finds the true length."""
RETAGGED = 10
"""One file in so many is retagged."""
_MUTAGEN = """
import sys, pathlib, mutagen
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file() and path.suffix != ".jpg":
        mutagen.File(path)
"""
_STEPS = {
    "first": "first scan",
    "unchanged": "unchanged scan",
    "reread": "scan --reread",
    "retag": "scan after 1 file in 10 was retagged",
    "mutagen": "mutagen.File alone",
    "beets": "beet import -A -q -C",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one program took."""

    cpu_s: float
    """Of all its processes, user and system."""
    wall_s: float
    peak_mb: float
    """Resident memory of the largest of its processes."""


@dataclass(slots=True, kw_only=True)
class Round:
    """One round of all steps."""

    costs: dict[str, Cost] = field(default_factory=dict)
    """Step -> cost; a step that could not be run here is left out."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Step of a scan -> counts of its report."""

    def ratio(self, step: str, other: str, value: str = "cpu_s") -> float:
        """The cost of one step in times of that of another."""
        first, second = (float(getattr(self.costs[name], value)) for name in (step, other))
        return first / second


def run_program(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> tuple[Cost, str]:
    """Run a program to its end; returns its cost and what it printed. Raises CalledProcessError when it fails."""
    started = time.monotonic()
    variables = {**os.environ, **ONE_THREAD, **(environment or {})}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.DEVNULL, env=variables)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    wall_s = time.monotonic() - started
    return Cost(cpu_s=used.ru_utime + used.ru_stime, wall_s=wall_s, peak_mb=used.ru_maxrss / 1024), text


def _scan(found: Round, step: str, library: Path, home: Path, *options: str) -> None:
    command = (sys.executable, ROOT / "soundkin.py", "scan", library, "--home", home, "--workers", str(WORKERS))
    found.costs[step], text = run_program((*command, *options, "--json"))
    report = json.loads(text)
    found.counts[step] = {name: value for name, value in report.items() if isinstance(value, int)}
    found.counts[step]["rejected"] = len(report["rejected"])


def install_beets(folder: Path) -> str | None:
    """Make a virtual environment with beets in ``folder`` where there is none; returns why that failed, or None."""
    if (folder / "bin" / "beet").exists():
        return None
    try:
        venv.create(folder, with_pip=True)
        command = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", BEETS)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return str(error)
    return (done.stderr.strip().splitlines() or ["pip failed"])[-1] if done.returncode else None


def _import_with_beets(found: Round, beets: Path, library: Path, folder: Path) -> None:
    folder.mkdir()
    settings: dict[str, object] = {
        "directory": str(folder / "music"),
        "library": str(folder / "library.db"),
        "plugins": [],
    }
    settings["import"] = {"duplicate_action": "keep"}  # albums without tags look alike
    (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    command = (beets / "bin" / "beet", "import", "-A", "-q", "-C", library)
    found.costs["beets"], _ = run_program(command, {"BEETSDIR": str(folder), "PYTHONPATH": ""})
    count = (beets / "bin" / "beet", "ls", "-f", "$id")
    _, listed = run_program(count, {"BEETSDIR": str(folder), "PYTHONPATH": ""})
    found.counts["beets"] = {"files": len(listed.split())}


def measure_round(library: Path, made: list[Song], turn: int, beets: Path | None) -> Round:
    """One round. A tenth of ``made``, and of the files, is retagged by it."""
    found = Round()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        _scan(found, "first", library, home)
        _scan(found, "unchanged", library, home)
        _scan(found, "reread", library, home, "--reread")
        found.costs["mutagen"], _ = run_program((sys.executable, "-c", _MUTAGEN, library))
        if beets is not None:
            _import_with_beets(found, beets, library, Path(name) / "beets")
        for index in range(turn % RETAGGED, len(made), RETAGGED):
            new = retagged(made[index], turn)
            retag_file(library, made[index], new)
            made[index] = new
        _scan(found, "retag", library, home)
    return found


def bars_of(rounds: Sequence[Round], files: int) -> list[Bar]:
    """Counts that must be exact in every round, the cost of an unchanged scan, and that of a first one."""
    bars = [
        Bar(
            name=f"{step}, {name}: away from {wanted:,}, most of a round",
            value=max(abs(found.counts[step][name] - wanted) for found in rounds),
            threshold=1,
            at_least=False,
        )
        for step, name, wanted in (
            ("first", "new_clips", files),
            ("first", "rejected", 0),
            ("unchanged", "unchanged", files),
            ("reread", "known_clips", files),
            ("reread", "new_clips", 0),
            ("retag", "new_clips", 0),
            ("retag", "rejected", 0),
            ("retag", "vanished", 0),
        )
    ]
    for value in ("cpu_s", "wall_s"):
        share = median(found.ratio("unchanged", "first", value) for found in rounds)
        name = f"unchanged scan over the first, {value}"
        bars.append(Bar(name=name, value=share, threshold=MAX_UNCHANGED, at_least=False))
    times = median(found.ratio("first", "mutagen") for found in rounds)
    name = "first scan over mutagen.File alone, CPU"
    bars.append(Bar(name=name, value=times, threshold=MAX_TIMES_MUTAGEN, at_least=False))
    return bars


def _spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, with the lowest and the highest value."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} ({low} to {high})"


def _table(rounds: Sequence[Round], files: int) -> str:
    head = (
        "| step | CPU s | CPU ms a file | wall s | files a second of wall | CPU over mutagen | peak MB |",
        "|---|---|---|---|---|---|---|",
    )
    rows = []
    for step, name in _STEPS.items():
        costs = [found.costs[step] for found in rounds if step in found.costs]
        if not costs:
            continue
        cells = (
            _spread([cost.cpu_s for cost in costs]),
            f"{median(cost.cpu_s for cost in costs) / files * 1e3:.2f}",
            _spread([cost.wall_s for cost in costs]),
            f"{files / median(cost.wall_s for cost in costs):,.0f}",
            _spread([found.ratio(step, "mutagen") for found in rounds], 2),
            f"{max(cost.peak_mb for cost in costs):,.0f}",
        )
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*head, *rows])


def _notes(rounds: Sequence[Round], files: int, no_beets: str | None) -> list[str]:
    shares = {value: [found.ratio("unchanged", "first", value) for found in rounds] for value in ("cpu_s", "wall_s")}
    times = [found.ratio("first", "mutagen") for found in rounds]
    retag = [found.counts["retag"] for found in rounds]
    imported = [found.counts["beets"]["files"] for found in rounds if "beets" in found.counts]
    return [
        f"Unchanged scan in first scans: CPU {_spread(shares['cpu_s'], 3)}, wall {_spread(shares['wall_s'], 3)}; bar: "
        f"under {MAX_UNCHANGED:g}.",
        f"First scan in times of mutagen.File alone, CPU: {_spread(times)}; bar: {MAX_TIMES_MUTAGEN:g}. A scan also "
        "hashes every byte twice (file and sound), finds the true length, writes to the catalog and derives its "
        "facts; every file passes through a decoder process.",
        f"After retagging: {max(count['new_clips'] for count in retag)} new clips of {retag[0]['known_clips']:,} "
        "files; bar: 0. So nothing would be embedded again.",
        f"beets imported {min(imported):,} files, without autotag and copying." if imported else f"beets: {no_beets}.",
        f"{files:,} files of 6 to 7 s with tags, in albums of 12: {len(rounds)} rounds, median (lowest to highest); "
        f"the page cache is warm; {WORKERS} decoder processes. Load at the end: {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} CPUs, so CPU time counts.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write it where ``--json`` is given; 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument(
        "--beets", type=Path, metavar="VENV", help=f"virtual environment with {BEETS}; made where there is none"
    )
    parser.add_argument("--no-beets", action="store_true", help="leave beets out")
    add_json_option(parser)
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        library, made = Path(name) / "library", songs(wanted.files)
        write_library(library, made, processes=WORKERS)
        beets = (wanted.beets or Path(name) / "beets").absolute()
        no_beets = "left out" if wanted.no_beets else install_beets(beets)
        here = None if no_beets else beets
        rounds = [measure_round(library, made, turn, here) for turn in range(wanted.rounds)]
    result = Measurement(
        title="Scanning a library, beside mutagen and beets",
        command="python -m benchmarks.scan_library",
        machine=machine("mutagen", "av", "soundfile"),
        table_markdown=_table(rounds, wanted.files),
        notes=tuple(_notes(rounds, wanted.files, no_beets)),
        figures={"rounds": [asdict(found) for found in rounds], "no_beets": no_beets},
        bars=tuple(bars_of(rounds, wanted.files)),
    )
    publish(result, wanted.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
