"""Golden answers: queries whose answers were recorded at build, replayed on a generation to find swapped or moved rows.

indexer/build/golden_answers.py computes the answers from the embedding store; the replay reads the files of the
generation, its indexes and its columns of ids. So shuffled ids, layers in swapped files and wrong vectors are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.array_files import TextColumn
from recommender.generation.manifest import Golden
from recommender.generation.open_generation import Generation
from recommender.types import Rows, Similarities
from recommender.vectors import VectorIndex

__all__ = ["TOLERANCE", "Golden", "differences"]

TOLERANCE = 1e-4
"""Largest difference allowed between a replayed cosine and the recorded one."""


def differences(generation: Generation, goldens: Sequence[Golden], *, tolerance: float = TOLERANCE) -> tuple[str, ...]:
    """One line for each of ``goldens`` that ``generation`` answers differently; empty when all are as recorded.

    Every vector of the generation is compared, also where the index is approximate. Answers whose scores are closer
    than ``tolerance`` may come in another order, and such a tie at the end of the list may bring another id.
    """
    tracks, artists = generation.contents.tracks, generation.contents.artists
    rows = {
        "tracks": _index_rows(tracks.ids, tracks.vector_row, _named(goldens, "tracks")),
        "artists": _index_rows(artists.ids, artists.vector_row, _named(goldens, "artists")),
    }
    indexes = {"tracks": generation.tracks, "artists": generation.artists}
    lines = []
    for golden in goldens:
        index = indexes.get(golden.kind, {}).get(golden.layer)
        why = _difference(index, golden, rows[golden.kind], tolerance=tolerance) if index else "there is no such index"
        if why:
            lines.append(f"{golden.kind} of layer {golden.layer} near {golden.query}: {why}")
    return tuple(lines)


def _named(goldens: Sequence[Golden], kind: str) -> set[str]:
    return {name for golden in goldens if golden.kind == kind for name in (golden.query, *golden.answers)}


def _index_rows(ids: TextColumn, vector_row: Rows, wanted: set[str]) -> dict[str, int]:
    """Id -> row in the index, of those ``wanted`` that have a vector. The order of the ids is not relied on."""
    rows = ids.rows_of(wanted)
    return {name: int(vector_row[row]) for name, row in rows.items() if vector_row[row] >= 0}


def _difference(index: VectorIndex, golden: Golden, rows: Mapping[str, int], *, tolerance: float) -> str:
    """What differs from the record; empty when nothing does."""
    if missing := [name for name in (golden.query, *golden.answers) if name not in rows]:
        return f"{missing[0]} has no vector"
    if max(rows.values()) >= index.size:
        return f"the index holds {index.size} vectors, too few for its ids"
    cosines = index.cosines(index.vectors(np.array([rows[golden.query]]))[0])
    return _moved(golden, cosines, rows, tolerance=tolerance) or _overtaken(golden, cosines, tolerance=tolerance)


def _moved(golden: Golden, cosines: Similarities, rows: Mapping[str, int], *, tolerance: float) -> str:
    """The first recorded answer whose cosine is not the recorded one."""
    for answer, score in zip(golden.answers, golden.scores, strict=True):
        cosine = float(cosines[rows[answer]])
        if not abs(cosine - score) <= tolerance:  # written so that NaN is a difference
            return f"{answer} has cosine {cosine:.4f}, recorded {score:.4f}"
    return ""


def _overtaken(golden: Golden, cosines: Similarities, *, tolerance: float) -> str:
    """The first rank at which the best cosines differ from the recorded ones: another item has overtaken an answer."""
    count = len(golden.answers)
    best = np.sort(np.partition(cosines, -count)[-count:])[::-1].tolist()
    for rank, (cosine, score) in enumerate(zip(best, golden.scores, strict=True), start=1):
        if not abs(cosine - score) <= tolerance:
            return f"place {rank} has cosine {cosine:.4f}, recorded {score:.4f}"
    return ""
