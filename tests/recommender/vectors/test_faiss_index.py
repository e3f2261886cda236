"""An index that looks at a short list: what it finds is exact and in order, and it misses few."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from recommender.errors import InvalidArgument, Unavailable
from recommender.types import Vectors
from recommender.vectors import ExactIndex, FaissIndex, RefinedIndex, WrittenIndex, count_bad, exact_limit, unit
from recommender.vectors import write_index as write
from recommender.vectors.faiss_index import SHORT_LIST_NEIGHBOURS, require_faiss
from tests.contracts.vector_index import random_unit


def clustered(count: int, dim: int, *, seed: int = 0) -> Vectors:
    """Vectors around a centre for every hundred of them."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(max(count // 100, 1), dim))
    return unit(centres[draw.integers(0, len(centres), count)] + 0.5 * draw.normal(size=(count, dim)))


VECTORS = clustered(6_000, 32)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WrittenIndex]:
    path = tmp_path_factory.mktemp("index") / "refined.faiss"
    return path, write(path, VECTORS, exact_up_to=1_000)


@pytest.fixture(scope="module")
def index(file: tuple[Path, WrittenIndex]) -> RefinedIndex:
    opened = FaissIndex.open(file[0])
    assert isinstance(opened, RefinedIndex)
    return opened


def test_its_type_and_parameters_survive_the_file(file: tuple[Path, WrittenIndex], index: RefinedIndex) -> None:
    written = file[1]
    assert written.factory == index.factory == "IVF128,PQ8x4fs,RFlat"
    assert written.parameters == {"nprobe": index.nprobe, "k_factor": index.k_factor}
    assert written.note == ""


def test_recall_is_that_of_an_independent_count(file: tuple[Path, WrittenIndex], index: RefinedIndex) -> None:
    assert file[1].recall_at_10 is not None
    assert file[1].recall_at_10 >= 0.99
    truth = VECTORS.astype(np.float64) @ VECTORS[5::40].T.astype(np.float64)
    queries = np.arange(5, 6_000, 40)
    truth[queries, np.arange(len(queries))] = -np.inf
    hits = 0
    for column, query in enumerate(queries.tolist()):
        found = [row for row in index.search(VECTORS[query], 11)[0].tolist() if row != query][:10]
        hits += len(set(found) & set(np.argsort(-truth[:, column])[:10].tolist()))
    assert hits / (10 * len(queries)) >= 0.97


def test_it_looks_at_a_part_of_the_vectors_only(index: RefinedIndex) -> None:
    assert index.nprobe < 128
    assert index.k_factor * SHORT_LIST_NEIGHBOURS < 6_000 / 2


def test_every_score_is_exact_and_falls(index: RefinedIndex) -> None:
    for query in random_unit(20, 32, seed=3):
        rows, cosines = index.search(query, 50)
        np.testing.assert_array_equal(cosines, index.cosines(query)[rows])
        np.testing.assert_allclose(cosines, VECTORS[rows].astype(np.float64) @ query, atol=1e-6)
        assert (np.diff(cosines) <= 0).all()
        assert len(set(rows.tolist())) == 50


def test_cosines_and_vectors_are_of_all_and_exact(index: RefinedIndex) -> None:
    exact = ExactIndex(VECTORS)
    np.testing.assert_allclose(index.cosines(VECTORS[9]), exact.cosines(VECTORS[9]), atol=1e-6)
    np.testing.assert_array_equal(index.vectors(np.array([5_999, 0])), VECTORS[[5_999, 0]])
    assert count_bad(index) == 0


def test_up_to_the_first_page_a_longer_answer_starts_with_the_shorter_one(index: RefinedIndex) -> None:
    for query in VECTORS[::1_000]:
        longest = index.search(query, SHORT_LIST_NEIGHBOURS)[0].tolist()
        assert all(index.search(query, k)[0].tolist() == longest[:k] for k in (1, 10, 33))


def test_who_asks_for_very_many_gets_all_of_them(index: RefinedIndex) -> None:
    rows, cosines = index.search(VECTORS[0], 6_000)
    assert sorted(rows.tolist()) == list(range(6_000))
    assert (np.diff(cosines) <= 0).all()


def test_equal_vectors_come_in_row_order_even_when_they_fill_the_short_list(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    equal = np.arange(7, 6_000, 10)
    vectors[equal] = vectors[7]
    write(tmp_path / "equal.faiss", vectors, exact_up_to=1_000)
    index = FaissIndex.open(tmp_path / "equal.faiss")
    assert isinstance(index, RefinedIndex)
    index.k_factor = 2  # 128 candidates, all of them among the 600 equal vectors
    for k in (1, 10, 64):
        assert index.search(vectors[7], k)[0].tolist() == equal[:k].tolist()


def test_the_same_vectors_give_the_same_bytes(file: tuple[Path, WrittenIndex], tmp_path: Path) -> None:
    write(tmp_path / "again.faiss", VECTORS, exact_up_to=1_000)
    assert (tmp_path / "again.faiss").read_bytes() == file[0].read_bytes()


def test_data_that_short_lists_cannot_serve_gets_an_exact_index_that_says_why(tmp_path: Path) -> None:
    everywhere = random_unit(60_000, 24)
    everywhere = unit(everywhere + 40.0)  # all but the same direction: codes of 4 bits tell nothing apart
    written = write(tmp_path / "hard.faiss", everywhere, exact_up_to=1_000)
    assert (written.factory, written.parameters, written.recall_at_10) == ("Flat", {}, None)
    assert "under 0.99" in written.note
    assert not isinstance(FaissIndex.open(tmp_path / "hard.faiss"), RefinedIndex)


@pytest.mark.parametrize("spread", [0.6, 0.8, 1.0])
def test_hard_data_is_found_as_well_by_queries_that_were_never_seen(tmp_path: Path, spread: float) -> None:
    """Weak groups in 48 directions that matter alike: what a search with few lists finds varies from query to query."""
    draw = np.random.default_rng(5)
    centres = draw.normal(size=(200, 48))
    made = unit(centres[draw.integers(0, 200, 12_500)] + spread * draw.normal(size=(12_500, 48)))
    queries, vectors = made[:500], made[500:]
    written = write(tmp_path / "hard.faiss", vectors, exact_up_to=1_000)
    index = FaissIndex.open(tmp_path / "hard.faiss")
    right = np.argsort(-(queries.astype(np.float64) @ vectors.T.astype(np.float64)), axis=1)[:, :10]
    found = [index.search(query, 10)[0].tolist() for query in queries]
    recall = sum(len({*a} & {*b.tolist()}) for a, b in zip(found, right, strict=True)) / 5_000
    assert recall >= 0.99
    assert written.factory.startswith("IVF")
    assert written.recall_at_10 == pytest.approx(recall, abs=0.008)


@pytest.mark.parametrize(("count", "expected"), [(1_000, "Flat"), (1_001, "IVF16,PQ4x4fs,RFlat")])
def test_the_type_goes_by_the_number_of_vectors(tmp_path: Path, count: int, expected: str) -> None:
    assert write(tmp_path / "x.faiss", clustered(count, 16), exact_up_to=1_000).factory == expected


@pytest.mark.parametrize("dim", [3, 7, 10, 33])
def test_any_number_of_dimensions_can_be_coded(tmp_path: Path, dim: int) -> None:
    vectors = clustered(2_000, dim)
    written = write(tmp_path / "x.faiss", vectors, exact_up_to=100)
    index = FaissIndex.open(tmp_path / "x.faiss")
    assert (written.factory, index.factory, index.dim) == (index.factory, written.factory, dim)
    assert index.search(vectors[3], 1)[1][0] == pytest.approx(1.0, abs=1e-5)


def test_an_index_of_768_dimensions_is_exact_up_to_ten_thousand_and_of_fewer_for_longer() -> None:
    assert [exact_limit(dim) for dim in (768, 384, 8)] == [10_000, 20_000, 960_000]


@pytest.mark.parametrize("row", [[0.0] * 4, [2.0, 0, 0, 0], [np.nan, 0, 0, 1.0]])
def test_vectors_that_are_not_of_unit_length_are_not_written(tmp_path: Path, row: list[float]) -> None:
    vectors = random_unit(300, 4)
    vectors[200] = row
    with pytest.raises(InvalidArgument, match="unit length"):
        write(tmp_path / "x.faiss", vectors, exact_up_to=100)


def test_bad_vectors_in_a_file_are_counted(tmp_path: Path) -> None:
    raw = faiss.IndexFlatIP(3)
    raw.add(np.array([[1, 0, 0], [0.5, 0, 0], [np.nan, 0, 0], [0, 0, 0], [0, 1, 0]], dtype=np.float32))
    faiss.write_index(raw, str(tmp_path / "x.faiss"))
    assert count_bad(FaissIndex.open(tmp_path / "x.faiss")) == 3


@pytest.mark.parametrize("factory", ["HNSW8,RFlat", "IVF4,Flat,RFlat", "PQ2x4fs,RFlat"])
def test_other_indexes_with_refinement_are_refused(tmp_path: Path, factory: str) -> None:
    raw = faiss.index_factory(8, factory, faiss.METRIC_INNER_PRODUCT)
    raw.train(random_unit(1_000, 8))
    raw.add(random_unit(1_000, 8))
    faiss.write_index(raw, str(tmp_path / "x.faiss"))
    with pytest.raises(InvalidArgument, match="expected IndexIVFPQFastScan"):
        FaissIndex.open(tmp_path / "x.faiss")


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.faiss").write_bytes(b"not an index at all" * 100)
    with pytest.raises(InvalidArgument, match=r"x\.faiss is not an index"):
        FaissIndex.open(tmp_path / "x.faiss")


@pytest.mark.parametrize("version", ["1.14.3", "1.9.0", "0.99"])
def test_an_old_faiss_is_refused_with_what_to_install(version: str) -> None:
    with pytest.raises(Unavailable, match=r"install faiss-cpu or faiss-gpu >= 1\.15"):
        require_faiss(version)


@pytest.mark.parametrize("version", ["1.15.0", "1.15.1", "2.0"])
def test_a_faiss_that_is_new_enough_is_taken(version: str) -> None:
    require_faiss(version)
