"""An index file that was written to do harm, with the right checksum: refused, and at no cost of memory."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.open_generation import open_generation
from recommender.types import Vectors
from recommender.vectors import FaissIndex, unit, write_index
from recommender.vectors.faiss_index import write_whole
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, write_generation
from tests.faults.homes import reseal

OPENING = """
import json, resource, struct, sys
from pathlib import Path
import numpy as np
from recommender.errors import InvalidArgument
from recommender.vectors import FaissIndex

path, places = Path(sys.argv[1]), json.loads(sys.argv[2])
whole = path.read_bytes()
refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for at in places:
    for number in (1 << 29, 1 << 33, 1 << 39):
        hostile = bytearray(whole)
        hostile[at:at + 8] = struct.pack("<Q", number)
        path.write_bytes(hostile)
        try:
            index = FaissIndex.open(path)
        except InvalidArgument:
            refused += 1
            continue
        if index.dim == 16:
            index.search(np.full(16, 0.25, np.float32), 5)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"refused": refused, "peak_kb": peak}))
"""
"""Opens a file with large numbers at each of some places, and searches what opens. Memory is measured by process."""

DIM, COUNT = 16, 2_000
FLAT = tuple(range(45))
REFINED = (*range(140), *range(1_150, 1_240), *range(2_250, 2_310))
"""Where the headers of quantiser, codes and lists are, in a file of 16 lists. Between them are centroids."""


def clustered() -> Vectors:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(20, DIM))[draw.integers(0, 20, COUNT)] + 0.3 * draw.normal(size=(COUNT, DIM))
    return unit(vectors.astype(np.float32))


@pytest.mark.parametrize(("exact_up_to", "places"), [(COUNT, FLAT), (100, REFINED)], ids=["flat", "refined"])
def test_a_large_number_anywhere_in_a_header_costs_no_memory_and_no_process(
    exact_up_to: int, places: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "index.faiss"
    factory = write_index(path, clustered(), exact_up_to=exact_up_to).factory
    assert factory.startswith("IVF") == (exact_up_to < COUNT)
    command = [sys.executable, "-c", OPENING, str(path), json.dumps(places)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["refused"] >= 20
    assert found["peak_kb"] < 64 * 1024


@pytest.mark.parametrize("limit", ["set_deserialization_vector_byte_limit", "set_deserialization_loop_limit"])
def test_nothing_in_a_file_may_be_larger_than_the_file(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = (tmp_path / "small.faiss", tmp_path / "large.faiss")
    for path, count in zip(paths, (10, COUNT), strict=True):
        FaissIndex.write(path, clustered()[:count])
    impose, imposed = getattr(faiss, limit), list[int]()

    def recorded(size: int) -> None:
        imposed.append(size)
        impose(size)

    monkeypatch.setattr(faiss, limit, recorded)
    for path in paths:
        FaissIndex.open(path)
    assert imposed == [path.stat().st_size for path in paths]


def test_a_generation_with_a_hostile_header_is_refused_though_its_checksums_are_right(tmp_path: Path) -> None:
    made = MadeCatalog(
        artists=(
            MadeArtist(
                id="a", name="A", tracks=(MadeTrack(title="One", id="t", vectors={"low": [1, 0], "high": [0, 1]}),)
            ),
        )
    )
    folder = write_generation(tmp_path, made)
    file = folder / "L01.tracks.faiss"
    raw = bytearray(file.read_bytes())
    assert struct.unpack_from("<i", raw, 4) == (2,)  # after the name of the type: the dimension
    raw[4:8] = struct.pack("<i", 1 << 30)
    file.write_bytes(raw)
    reseal(folder)
    with pytest.raises(GenerationCorrupt, match=r"L01\.tracks\.faiss"):
        open_generation(folder)


def refined(path: Path, *, first_row: int = 0, nprobe: int = 16, compared_by: int = faiss.METRIC_INNER_PRODUCT) -> Path:
    """An index with lists of all the vectors, that says so much of itself."""
    base = faiss.IndexIVFPQFastScan(faiss.IndexFlatIP(DIM), DIM, 16, 8, 4, faiss.METRIC_INNER_PRODUCT)
    base.train(clustered())
    index = faiss.IndexRefineFlat(base)
    index.add(clustered())
    base.reset()
    base.add_with_ids(clustered(), np.arange(COUNT) + first_row)
    base.nprobe = nprobe
    faiss.downcast_index(index.refine_index).metric_type = compared_by
    write_whole(index, path)
    return path


def test_an_index_that_would_look_into_more_lists_than_there_are_is_refused(tmp_path: Path) -> None:
    assert FaissIndex.open(refined(tmp_path / "index.faiss")).size == COUNT
    with pytest.raises(InvalidArgument, match="has nprobe 1099511627776 of 16 lists"):
        FaissIndex.open(refined(tmp_path / "index.faiss", nprobe=1 << 40))


def test_an_index_whose_vectors_are_compared_by_a_distance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="or does not use inner products"):
        FaissIndex.open(refined(tmp_path / "index.faiss", compared_by=faiss.METRIC_L2))


def test_rows_that_are_not_there_are_left_out_and_every_vector_is_compared(tmp_path: Path) -> None:
    index = FaissIndex.open(refined(tmp_path / "index.faiss", first_row=10**6))
    rows, cosines = index.search(clustered()[7], 3)
    assert (rows[0], round(float(cosines[0]), 5)) == (7, 1.0)
