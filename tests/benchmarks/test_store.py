"""The claim about the embedding store is measured and written as the page wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import store
from benchmarks.measurement import Measurement
from benchmarks.run import ROOT, claims


def test_a_small_run_measures_every_form_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROUNDS", 1)
    monkeypatch.setattr(store, "FOUND", 5_000)
    store.main(["--clips", "300", "--json", str(tmp_path / "found.json")])
    found = Measurement.read(tmp_path / "found.json")
    rows = found.table_markdown.splitlines()[2:]
    assert len(rows) == 6
    assert [row.split("|")[1].split(",")[0].strip() for row in rows] == [
        *("sealed shards", "track-major .npy", "plain file of it") * 2
    ]
    assert "Finding 5,000 clips" in found.notes[-1]
    assert "store" in claims(ROOT / "benchmarks")
