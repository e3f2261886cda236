"""The programs that the benchmark compares make the same of the same catalog and shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from benchmarks import build, build_plain
from benchmarks.build import CaseResult, Cost, build_ours, run_alone, run_here, run_plain
from benchmarks.build_home import DIM, TRACKS_OF, make_home
from benchmarks.measurement import Measurement
from indexer.files.home import STAGING
from recommender.generation.open_generation import Generation, open_generation

TRACKS = 605


def read(path: Path) -> Any:  # Any: FAISS's stubs know no types that are named at run time
    faiss.set_deserialization_vector_byte_limit(1 << 40)  # the library leaves the size of the file it read last
    return faiss.read_index(str(path))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by all three programs."""
    home = tmp_path_factory.mktemp("home")
    make_home(home, TRACKS, 2)
    assert (build_ours(home), run_plain(home), run_alone(home)) == (1.0, 1.0, 1.0)
    return home


@pytest.fixture(scope="module")
def built(home: Path) -> Generation:
    (folder,) = (home / STAGING).iterdir()
    return open_generation(folder)


@pytest.mark.parametrize("program", ["plain", "alone"])
def test_the_others_write_the_vectors_that_the_build_writes(home: Path, built: Generation, program: str) -> None:
    assert (built.manifest.counts.tracks_indexed, built.manifest.counts.artists_indexed) == (TRACKS, 61)
    last = read(home / program / "01.artists.faiss")
    assert (last.d, last.ntotal) == (DIM, -(-TRACKS // TRACKS_OF))
    np.testing.assert_allclose(last.reconstruct_n(), built.artists["01"].vectors(np.arange(61)), atol=1e-6)
    tracks = read(home / program / "00.tracks.faiss")
    np.testing.assert_allclose(tracks.reconstruct_n(), built.tracks["00"].vectors(np.arange(TRACKS)), atol=1e-6)


def test_the_plain_script_measures_every_artist_as_the_build_does(home: Path, built: Generation) -> None:
    layer = built.calibration.layers["01"]
    found = {path.name: np.load(path, allow_pickle=False) for path in (home / "plain").glob("01.*.npy")}
    assert layer.bundle.reference_artists == len(found["01.cohort.npy"]) == 61
    cosines = layer.artists.vectors @ layer.artists.vectors.T  # the signs of axes are free, angles are not
    np.testing.assert_allclose(found["01.vectors.npy"] @ found["01.vectors.npy"].T, cosines, atol=1e-4)
    np.testing.assert_allclose(found["01.mean.npy"], layer.artists.mean, atol=1e-4)
    np.testing.assert_allclose(found["01.sd.npy"], layer.artists.sd, atol=1e-4)
    np.testing.assert_allclose(found["01.coherence.npy"], layer.artists.coherence, atol=1e-4)
    np.testing.assert_allclose(found["01.error.npy"], layer.artists.standard_error, atol=1e-4)
    np.testing.assert_allclose(found["01.quantiles.npy"], layer.bundle.quantiles, atol=1e-3)


def test_the_plain_script_has_a_hash_of_every_file_and_every_title(home: Path, built: Generation) -> None:
    hashes = json.loads((home / "plain" / "hashes.json").read_text())
    assert hashes.keys() == {path.name for path in (home / "plain").iterdir()} - {"hashes.json"}
    data = np.load(home / "plain" / "track.titles.utf8.npy", allow_pickle=False).tobytes()
    assert data.decode() == "".join(built.contents.tracks.titles)


def test_the_plain_script_finds_parameters_that_find_enough(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    centres = np.repeat(draw.normal(size=(60, 32)), 100, axis=0)
    vectors = (centres + 0.5 * draw.normal(size=(6_000, 32))).astype(np.float32)
    faiss.normalize_L2(vectors)
    assert build_plain.write_index(vectors, "IVF64,PQ8x4fs,RFlat", tmp_path / "x.faiss") >= 0.99
    index = read(tmp_path / "x.faiss")
    queries = vectors[3::60]
    right = np.argsort(-(queries.astype(np.float64) @ vectors.T.astype(np.float64)), axis=1)[:, :10]
    found = index.search(queries, 64)[1][:, :10]  # from a short list as long as the one it was tuned with
    assert np.mean([len({*a} & {*b}) / 10 for a, b in zip(found, right, strict=True)]) >= 0.97


def test_codes_of_the_plain_script_lead_to_the_first_twenty(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(2_000, 16)).astype(np.float32)
    faiss.normalize_L2(vectors)
    overlap = build_plain.write_codes(
        vectors, draw.uniform(0, 0.1, 2_000), draw.uniform(0.1, 0.2, 2_000), tmp_path / "c"
    )
    assert overlap >= 0.95
    assert read(tmp_path / "c").ntotal == 2_000


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the most memory")
def test_what_a_program_takes_is_measured_and_what_it_made_before_is_gone(tmp_path: Path) -> None:
    warm, home = tmp_path / "warm", tmp_path / "home"
    for folder in (warm, home):
        folder.mkdir()
        make_home(folder, 20, 1)
        (folder / STAGING / "v00000007").mkdir(parents=True)
    cost = run_here("ours", home, warm)
    assert cost.recall == 1.0
    assert cost.cpu_s > 0.0
    assert [path.name for path in (home / STAGING).iterdir()] == ["v00000001"]


def case(ours: Cost, *others: float) -> CaseResult:
    """``others``: overheads of more rounds than the one that took ``ours``."""
    plain, alone = (Cost(cpu_s=s, wall_s=11.0, peak_mb=110.0, recall=0.994) for s in (10.0, 5.0))
    overheads = (ours.cpu_s / plain.cpu_s - 1, *others)
    return CaseResult(
        tracks=10_000,
        layers=13,
        ours=ours,
        plain=plain,
        alone=alone,
        overheads=overheads,
        layer_mb=100.0,
        kind="Flat",
    )


def test_a_row_says_what_each_program_took() -> None:
    row = case(Cost(cpu_s=11.0, wall_s=20.0, peak_mb=120.0, recall=0.995)).row()
    assert row == (
        "| 10,000 | 13 | Flat | 11.00 / 20.00 | 10.00 / 11.00 | 5.00 / 11.00 | +10% | 2.20 | 120 | 100 | 1.20 | 110 "
        "| 0.995 | 0.994 |"
    )


def test_the_overhead_is_that_of_the_middle_round_with_the_least_and_the_most_beside() -> None:
    measured = case(Cost(cpu_s=11.0, wall_s=20.0, peak_mb=120.0, recall=0.995), 0.3, 0.04)
    assert "| +10% (+4% to +30%) |" in measured.row()
    assert measured.bars[0].value == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("ours", "held"),
    [
        (Cost(cpu_s=11.9, wall_s=1.0, peak_mb=129.0, recall=0.99), [True, True, True]),
        (Cost(cpu_s=12.1, wall_s=1.0, peak_mb=129.0, recall=0.99), [False, True, True]),
        (Cost(cpu_s=11.9, wall_s=1.0, peak_mb=131.0, recall=0.99), [True, False, True]),
        (Cost(cpu_s=11.9, wall_s=1.0, peak_mb=129.0, recall=0.989), [True, True, False]),
    ],
)
def test_each_bar_can_be_missed(ours: Cost, held: list[bool]) -> None:
    assert [bar.passed for bar in case(ours).bars] == held


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the most memory")
@pytest.mark.parametrize(("peak_mb", "status"), [(129.0, 0), (131.0, 1)])
def test_the_exit_status_says_whether_every_bar_holds(
    monkeypatch: pytest.MonkeyPatch, peak_mb: float, status: int
) -> None:
    found = case(Cost(cpu_s=11.0, wall_s=1.0, peak_mb=peak_mb, recall=0.99))
    monkeypatch.setattr(build, "_measure_and_print", lambda tracks, layers: found)
    assert build.main(["--quick"]) == status


def test_a_case_is_tracks_by_layers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build.main(["--case", "many"])
    assert "--case" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the most memory")
def test_a_case_is_measured_printed_and_written_for_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_rounds", lambda vectors: 1)
    monkeypatch.setattr(build, "MAX_SHARE", 0.0)
    # A bar is missed, and what was found is written all the same.
    assert build.main(["--case", "600x1", "--json", str(tmp_path / "out.json")]) == 1
    written = Measurement.read(tmp_path / "out.json")
    assert "| 600 | 1 | Flat |" in written.table_markdown
    assert [bar.passed for bar in written.bars if "memory" in bar.name] == [False]
    assert "FAIL: 600 x 1, memory over one layer" in capsys.readouterr().out
    found = written.figures["600x1"]
    assert isinstance(found, dict)
    assert found["ours"]["recall"] == found["plain"]["recall"] == found["alone"]["recall"] == 1.0
