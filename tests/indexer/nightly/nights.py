"""A small home with music and a configuration, nightly runs of it, and what must hold when one has come to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from indexer.encoders.registry import load_encoder
from indexer.files.home import CATALOG_FILE
from indexer.maintain.verify import verify
from indexer.nightly.config import CONFIG_FILE, read_config
from indexer.nightly.nightly import nightly
from indexer.nightly.report import NightlyReport
from indexer.store.shard import open_shard
from indexer.store.store import SHARDS, EmbeddingStore
from recommender.catalog import Catalog
from tests.catalog_rows import read_runs
from tests.fakes import write_tone

TIMEOUT_S = 120
CONFIG = """
workers = 1

[[scan]]
folder = "music"

[[genres]]
file = "genres.csv"
source = "shelf"
licence = "own"
"""


def make_home(home: Path, *, artists: int = 3) -> Path:
    """``home`` with a configuration, genres and one clip of each of some artists; nothing has run yet."""
    for number in range(artists):
        add_artist(home, number)
    (home / "genres.csv").write_text("artist,genre\nArtist 0,techno\nArtist 1,techno\n")
    (home / CONFIG_FILE).write_text(CONFIG)
    return home


def add_artist(home: Path, number: int) -> Path:
    """One more artist with one clip; the file."""
    return write_tone(home / "music" / f"Artist {number}" / "Song.wav", hz=200 + 300 * number)


def run(catalog: Catalog, home: Path) -> NightlyReport:
    """One nightly run in this process; its report."""
    reports: list[NightlyReport] = []
    nightly(catalog, home, read_config(home / CONFIG_FILE), on_report=reports.append)
    (report,) = reports
    return report


def start(home: Path, *words: str, failpoint: str = "") -> subprocess.Popen[str]:
    """``soundkin nightly`` in a process of its own."""
    settings = {"SOUNDKIN_HOME": str(home)} | ({"SOUNDKIN_FAILPOINT": failpoint} if failpoint else {})
    command = [sys.executable, "-m", "soundkin", "nightly", *words]
    return subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status (negative: the signal), stdout and stderr of a process, waited for."""
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, stdout, stderr


def wrong(home: Path) -> list[str]:
    """What does not hold of a home whose last run is done: served whole, embedded once, on record; empty: all well."""
    store = EmbeddingStore(home, load_encoder("descriptors").space)
    music = len(list((home / "music").rglob("*.wav")))
    shards = [open_shard(path, fingerprint=store.space.fingerprint) for path in sorted(store.folder.glob(SHARDS))]
    sealed = [clip for shard in shards for clip in shard.clip_ids]
    with Catalog.open(home / CATALOG_FILE) as catalog:
        states = [one.state for one in read_runs(catalog, "nightly")]
    report = verify(home)
    embedded_once = len(sealed) == len(set(sealed)) == music
    checks = {
        f"does not verify: {report.problems}": not report.problems,
        "serves nothing": report.version is not None,
        f"{len(sealed)} clips sealed of {music}, {len(set(sealed))} different": embedded_once,
        f"runs are {states}": set(states[:-1]) <= {"killed", "done"} and states[-1] == "done",
        "parts are left": not list(home.rglob("*.part")),
    }
    return [problem for problem, holds in checks.items() if not holds]
