"""The two indexes keep one contract, and the conversions around them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from recommender.errors import InvalidArgument
from recommender.types import Vectors
from recommender.vectors import ExactIndex, FaissIndex, VectorIndex, order, to_similarity, unit, write_index
from tests.contracts.vector_index import Make, VectorIndexContract, random_unit

ROOT = Path(__file__).resolve().parents[3]


class TestExactIndex(VectorIndexContract):
    @pytest.fixture
    def make(self) -> Make:
        return ExactIndex


class TestFaissIndex(VectorIndexContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def written_and_opened(vectors: Vectors) -> VectorIndex:
            FaissIndex.write(tmp_path / "index.faiss", vectors)
            return FaissIndex.open(tmp_path / "index.faiss")

        return written_and_opened

    def test_another_kind_of_index_is_refused(self, tmp_path: Path) -> None:
        index = faiss.IndexFlatL2(4)
        index.add(random_unit(3, 4))
        faiss.write_index(index, str(tmp_path / "l2.faiss"))
        with pytest.raises(InvalidArgument, match="IndexFlatL2"):
            FaissIndex.open(tmp_path / "l2.faiss")

    def test_ten_thousand_equal_vectors_keep_their_order(self, tmp_path: Path) -> None:
        FaissIndex.write(tmp_path / "same.faiss", np.tile(random_unit(1, 8), (10_000, 1)))
        rows, _ = FaissIndex.open(tmp_path / "same.faiss").search(random_unit(1, 8)[0], 100)
        assert rows.tolist() == list(range(100))


class TestFittingIndex(VectorIndexContract):
    """What a build writes, told to use short lists from the smallest number on that they can be made for."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def written_and_opened(vectors: Vectors) -> VectorIndex:
            write_index(tmp_path / "index.faiss", vectors, exact_up_to=0)
            return FaissIndex.open(tmp_path / "index.faiss")

        return written_and_opened


FULL = (
    "import resource, sys; from pathlib import Path; import numpy as np; from recommender.vectors import FaissIndex\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    "try: FaissIndex.write(Path(sys.argv[1]), np.tile(np.eye(8, dtype=np.float32), (int(sys.argv[2]), 1)))\n"
    "except OSError as error: print(error.filename, error.strerror)"
)


@pytest.mark.parametrize("eights", [1, 10_000], ids=["only the end is missing", "most of it is missing"])
def test_an_index_that_the_disk_did_not_take_whole_is_an_error_of_the_system(eights: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "x.faiss"), str(eights)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'x.faiss'} could not be written whole; is the disk full?")


def test_unit_gives_rows_of_length_one_in_the_same_direction() -> None:
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, 1e-6]])), [[0.6, 0.8], [0.0, 1.0]], atol=1e-7)


@pytest.mark.parametrize("row", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_unit_refuses_what_has_no_direction(row: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="row 1"):
        unit(np.array([[1.0, 0.0], row]))


def test_a_negative_cosine_is_nothing_in_common_and_silence_stays_silence() -> None:
    np.testing.assert_array_equal(
        to_similarity(np.array([-1.0, -0.1, 0.0, 0.25, 1.0, np.nan])), [0, 0, 0, 0.25, 1, np.nan]
    )


def test_order_is_by_score_then_row_with_silence_last() -> None:
    assert order(np.array([np.nan, 0.5, 0.7, 0.5, 0.7, -1.0])).tolist() == [2, 4, 1, 3, 5, 0]
