"""Both builds that the benchmark compares make the same indexes of the same vectors."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from benchmarks.build import DIM, TRACKS_OF, Cost, Measured, build_ours, build_plain, make_home
from indexer.build import STAGING
from recommender.generation import open_generation


def test_plain_faiss_writes_the_vectors_that_the_build_writes(tmp_path: Path) -> None:
    make_home(tmp_path, 205, 2)
    assert (build_ours(tmp_path), build_plain(tmp_path)) == (1.0, 1.0)
    (folder,) = (tmp_path / STAGING).iterdir()
    built = open_generation(folder)
    assert (built.manifest.counts.tracks_indexed, built.manifest.counts.artists_indexed) == (205, 21)
    last = faiss.read_index(str(tmp_path / "plain.faiss"))
    assert (last.d, last.ntotal) == (DIM, -(-205 // TRACKS_OF))
    np.testing.assert_allclose(last.reconstruct_n(), built.artists["01"].vectors(np.arange(21)), atol=1e-6)


def test_overhead_is_over_plain_faiss_and_the_share_is_of_one_layer() -> None:
    ours = Cost(cpu_s=12.0, wall_s=20.0, peak_mb=120.0, recall=0.994)
    plain = Cost(cpu_s=10.0, wall_s=11.0, peak_mb=110.0, recall=0.994)
    row = Measured(tracks=10_000, layers=13, ours=ours, plain=plain, layer_mb=100.0, kind="Flat").row()
    assert row == "| 10,000 | 13 | Flat | 12.0 / 20.0 | 10.0 / 11.0 | +20% | 120 | 100 | 1.20 | 110 | 0.994 |"


def test_a_case_is_tracks_by_layers(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.build import main

    with pytest.raises(SystemExit):
        main(["--case", "many"])
    assert "--case" in capsys.readouterr().err
