"""Candidates are built, measured and sealed with a generation; where they find too little, everyone is compared."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from indexer.build.build import BuildOptions
from indexer.build.candidate_overlap import TOP
from indexer.build.candidates import LEVELS, MIN_OVERLAP, PATTERN, CandidateInputs, write_candidates
from recommender import layer_mix
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.candidate_files import open_candidates
from recommender.generation.open_generation import Generation, Manifest, checksum_file, open_generation, read_manifest
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.retrieval.question_kinds import QuestionKind
from recommender.vectors import FaissIndex
from recommender.vectors.pq_codes import CodeIndex
from tests.calibrated import ARTISTS, SILENT, calibrated, plain
from tests.factories import make_space
from tests.indexer.build.homes import add_music, run_build, staged

SPACE = make_space(("low", "high"), dim=32)
OPTIONS = BuildOptions(candidates_from=100)


def ground_of(generation: Generation) -> CandidateInputs:
    return CandidateInputs(
        space=generation.manifest.space,
        contents=generation.contents,
        calibration=generation.calibration,
        artists={"low": generation.artists["low"]},
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 artists with two or three tracks, staged."""
    home = tmp_path_factory.mktemp("candidates")
    add_music(home, range(400), clips=1, space=SPACE)
    run_build(home, OPTIONS, space=SPACE)
    return home


def test_the_manifest_says_what_was_measured_and_the_files_are_listed(home: Path) -> None:
    manifest, _ = read_manifest(staged(home))
    entry = manifest.candidates
    assert (entry.first, entry.profile, entry.seeds, entry.note) == (LEVELS[0].first, "evidence", 140, "")
    assert {one.kind for one in entry.kinds} == {kind.value for kind in QuestionKind}
    assert min(one.overlap_at_20 for one in entry.kinds) >= MIN_OVERLAP
    assert entry.overlap_at_20 is not None
    assert entry.overlap_at_20 >= MIN_OVERLAP
    names = {file.name for file in manifest.files if file.name.startswith("candidates.")}
    assert names == {
        "candidates.mix.faiss",
        "candidates.genre.artists.npy",
        "candidates.genre.places.npy",
        "candidates.genre.starts.npy",
    }
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_overlap_is_that_of_the_first_twenty_with_a_full_scan(home: Path) -> None:
    generation = open_generation(staged(home))
    near, everyone = Recommender(generation), Recommender(replace(generation, candidates=None))
    mix = layer_mix.by_default(SPACE)
    for seed in range(0, 400, 40):
        ours, theirs = (
            each.rank_artists(ArtistQuery(seeds=(seed,), mix=mix), offset=0, n=TOP) for each in (near, everyone)
        )
        assert [each.score for each in ours] == [each.score for each in theirs]


def test_two_builds_make_the_same_files(home: Path) -> None:
    first = [checksum_file(path) for path in sorted(staged(home).glob(PATTERN))]
    again = run_build(home, OPTIONS, space=SPACE)
    second = [entry for entry in again.files if entry.name.startswith("candidates.")]
    assert len(first) == 4
    assert [(entry.name, entry.sha256) for entry in first] == [(entry.name, entry.sha256) for entry in second]


def opened(folder: Path, **changes: object) -> None:
    """Open the candidates of ``folder`` as if the counts of its manifest were others, or its calibrations."""
    manifest, _ = read_manifest(folder)
    generation = open_generation(folder)
    layers = changes.pop("layers", generation.calibration.layers)
    counts = structs.replace(manifest.counts, **changes)
    open_candidates(folder, structs.replace(manifest, counts=counts), generation.contents, layers)  # type: ignore[arg-type]


def test_codes_of_other_artists_or_of_another_width_are_refused(home: Path) -> None:
    folder = staged(home)
    width = open_generation(folder).calibration.layers["low"].bundle.width
    said = f"holds 400 artists of {2 * width + 2} numbers, the generation has 399 of {2 * width + 2}"
    with pytest.raises(GenerationCorrupt, match=rf"candidates\.mix\.faiss: {said}"):
        opened(folder, artists_indexed=399)
    other = calibrated().calibration.layers["low"]
    assert other.bundle.width != width
    with pytest.raises(GenerationCorrupt, match=rf"the generation has 400 of {2 * other.bundle.width + 2}"):
        opened(folder, layers={"low": other})
    with pytest.raises(GenerationCorrupt, match="has candidates but no calibrated layer"):
        opened(folder, layers={})


@pytest.mark.parametrize("min_rows_for_lists", [100, 5000], ids=["lists", "whole"])
def test_a_hostile_number_in_the_header_of_codes_costs_no_memory_and_no_process(
    min_rows_for_lists: int, tmp_path: Path
) -> None:
    path = tmp_path / "codes.faiss"
    CodeIndex.write(
        path, np.random.default_rng(0).normal(size=(2000, 9)).astype(np.float32), min_rows_for_lists=min_rows_for_lists
    )
    whole, refused = path.read_bytes(), 0
    for place in range(min(len(whole), 160)):
        path.write_bytes(whole[:place] + struct.pack("<Q", 1 << 39) + whole[place + 8 :])
        try:
            CodeIndex.open(path)
        except InvalidArgument:
            refused += 1
    assert refused > 20


def test_a_small_generation_has_none_and_says_so(tmp_path: Path) -> None:
    add_music(tmp_path, range(9), space=SPACE)
    manifest = run_build(tmp_path, space=SPACE)
    assert manifest.candidates.first == 0
    assert manifest.candidates.note == "9 artists, under 5000: everyone is compared"
    assert not list(staged(tmp_path).glob(PATTERN))
    assert open_generation(staged(tmp_path)).candidates is None


def test_where_too_little_is_found_nothing_stays_and_the_entry_says_so(tmp_path: Path) -> None:
    shallow = structs.replace(LEVELS[0], first=5, nearest=3, listed=0, around=1, alike=1)
    entry = write_candidates(tmp_path, ground_of(calibrated()), levels=(shallow,))
    assert (entry.first, entry.overlap_at_20) == (0, None)
    assert entry.note.endswith("of the first 20, under 0.99: everyone is compared")
    assert not list(tmp_path.iterdir())


def test_the_first_level_that_finds_enough_is_taken(tmp_path: Path) -> None:
    shallow = structs.replace(LEVELS[0], first=5, nearest=3, listed=0, around=1, alike=1)
    everyone = ARTISTS + SILENT
    deep = structs.replace(LEVELS[0], first=5, nearest=everyone, around=everyone, alike=everyone)
    entry = write_candidates(tmp_path, ground_of(calibrated()), levels=(shallow, deep, structs.replace(deep, first=6)))
    assert (entry.first, entry.nearest, entry.seeds) == (5, everyone, everyone)
    assert (entry.overlap_at_20, entry.same_at_20) == (1.0, 1.0)


def test_audio_without_any_calibration_has_no_candidates(tmp_path: Path) -> None:
    entry = write_candidates(tmp_path, ground_of(plain()))
    assert (entry.first, entry.note.startswith("no layer of the default mix is calibrated")) == (0, True)
    assert not list(tmp_path.iterdir())


def test_codes_find_the_rows_of_largest_inner_product(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 33)).astype(np.float32) * rng.uniform(0.5, 2.0, size=(2000, 1)).astype(np.float32)
    CodeIndex.write(tmp_path / "codes.faiss", rows)
    codes = CodeIndex.open(tmp_path / "codes.faiss")
    assert (codes.size, codes.lists) == (2000, 0)
    for query in rows[:20]:
        best = np.argsort(-(rows @ query))[:10]
        assert len(np.intersect1d(codes.search(query[np.newaxis], 200)[0][0], best)) >= 9
    assert sorted(codes.search(rows[:1], 5000)[0][0]) == list(range(2000))
    assert codes.search(rows[:1], 0)[0][0].size == 0


def test_codes_in_lists_find_more_the_more_lists_are_looked_into(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(2000, 16)).astype(np.float32)
    CodeIndex.write(tmp_path / "codes.faiss", rows, min_rows_for_lists=1000)
    codes = CodeIndex.open(tmp_path / "codes.faiss")
    assert codes.lists == 32
    found = []
    for lists in (1, 32):
        codes.set_nprobe(lists)
        best = [np.argsort(-(rows @ query))[:10] for query in rows[:50]]
        found.append(
            np.mean(
                [
                    len(np.intersect1d(codes.search(query[np.newaxis], 300)[0][0], right))
                    for query, right in zip(rows, best, strict=False)
                ]
            )
        )
    assert found[0] < 6.0
    assert found[1] > 9.0


def test_what_is_no_index_of_codes_is_refused(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    FaissIndex.write(tmp_path / "flat.faiss", vectors)
    with pytest.raises(InvalidArgument, match=r"flat\.faiss has the type IndexFlatIP, expected PQ codes"):
        CodeIndex.open(tmp_path / "flat.faiss")
    (tmp_path / "junk.faiss").write_bytes(b"junk")
    with pytest.raises(InvalidArgument, match=r"junk\.faiss is not an index that FAISS can read"):
        CodeIndex.open(tmp_path / "junk.faiss")
