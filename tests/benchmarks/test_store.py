"""The claim about the embedding store is measured and written as the page wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import store
from benchmarks.measurement import Measurement
from benchmarks.run import ROOT, claims
from indexer.store.shard import Stored


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
    assert len(found.bars) == len(Stored)
    assert "store" in claims(ROOT / "benchmarks")


def test_shards_slower_than_a_track_major_file_miss_the_bar() -> None:
    def form(name: str, seconds: float) -> store.Form:
        return store.Form(name=name, files=[], bytes_a_layer=1, read=lambda _: None, cold_s=[seconds])

    forms = []
    for stored, seconds in zip(Stored, (0.5, 2.0), strict=True):
        forms.append(form(f"sealed shards, {stored.value}, checked, as float32", seconds))
        forms.append(form(f"track-major .npy, {stored.value}, mapped, as float32", 1.0))
    assert [bar.passed for bar in store.bars_of(forms)] == [True, False]
