"""Two runs at once, and a run that is told to stop: each clip is encoded once, and what was encoded is kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.pipeline_kills import make_catalog, open_catalog
from benchmarks.pipeline_stub import NAME_BYTES, StubEncoder
from indexer.store.store import EmbeddingStore

ROOT = Path(__file__).resolve().parents[3]
CLIPS = 200
MAX_DURATION_S = 120


def _start(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.pipeline_kills", str(home), "32"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def _encoded(home: Path) -> int:
    """How many clips all runs together have encoded."""
    return (home / "encoded").stat().st_size // NAME_BYTES


def _sealed(home: Path) -> int:
    return len(EmbeddingStore(home, StubEncoder.space).clip_ids)


def test_two_runs_started_at_once_encode_each_clip_once(tmp_path: Path) -> None:
    make_catalog(tmp_path, CLIPS)
    (tmp_path / "encoded").touch()
    runs = [_start(tmp_path), _start(tmp_path)]
    said = [run.communicate(timeout=MAX_DURATION_S)[1].decode() for run in runs]
    assert _encoded(tmp_path) == _sealed(tmp_path) == CLIPS
    refused = [words for run, words in zip(runs, said, strict=True) if run.returncode]
    assert len(refused) <= 1
    assert all("held by process" in words for words in refused)


def test_ctrl_c_keeps_every_clip_that_was_encoded(tmp_path: Path) -> None:
    make_catalog(tmp_path, 20 * CLIPS)
    (tmp_path / "encoded").touch()
    with _start(tmp_path) as run:
        latest = time.monotonic() + MAX_DURATION_S
        while _encoded(tmp_path) < CLIPS and time.monotonic() < latest:
            time.sleep(0.005)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=MAX_DURATION_S)
    assert b"KeyboardInterrupt" in said
    assert CLIPS <= _encoded(tmp_path) == _sealed(tmp_path) < 20 * CLIPS
    with open_catalog(tmp_path) as catalog:
        assert len(catalog.pending_clips(StubEncoder.space.key)) == 20 * CLIPS - _sealed(tmp_path)
