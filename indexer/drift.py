"""Have tracks moved that nobody touched? The cosines one generation has on record, asked of another of its space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from recommender.generation.contents import TrackColumns
from recommender.generation.golden_answers import Golden
from recommender.generation.open_generation import Generation

FEW = 8
"""So few tracks tell nothing about how many of all were made anew."""

MOST_MADE_ANEW = 0.5
"""Share of the tracks asked about that may be made of other clips than before: files are replaced, but not most of
them in a night. Ids that were mixed up look just like that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A track with audio: where its vectors are, and what they were made from."""

    vector_row: int
    clips: bytes


def moved(candidate: Generation, serving: Generation, *, tolerance: float) -> tuple[str, ...]:
    """One line for each pair of tracks whose cosine in ``candidate`` is not the one that ``serving`` has on record.

    Only tracks that both made from the same clips are compared, and only the goldens of tracks are: an artist moves
    by right when a track is added. When most tracks are made of other clips than before, that is the one line.
    """
    goldens = [golden for golden in serving.manifest.goldens if golden.kind == "tracks"]
    wanted = {track for golden in goldens for track in (golden.query, *golden.answers)}
    now, before = _heard(candidate.contents.tracks, wanted), _heard(serving.contents.tracks, wanted)
    shared = now.keys() & before.keys()
    kept = {track: now[track] for track in shared if before[track].clips == now[track].clips}
    anew = len(shared) - len(kept)
    if len(shared) >= FEW and anew > MOST_MADE_ANEW * len(shared):
        return (f"{anew} of {len(shared)} tracks asked about are made of other clips than in {serving.label}",)
    return tuple(
        f"{line}, was in {serving.label}" for golden in goldens for line in _moved(candidate, golden, kept, tolerance)
    )


def _moved(candidate: Generation, golden: Golden, kept: Mapping[str, _Heard], tolerance: float) -> Iterator[str]:
    index = candidate.tracks.get(golden.layer)
    pairs = [pair for pair in zip(golden.answers, golden.scores, strict=True) if pair[0] in kept]
    if index is None or golden.query not in kept or not pairs:
        return
    rows = [kept[golden.query].vector_row, *(kept[answer].vector_row for answer, _ in pairs)]
    vectors = index.vectors(np.array(rows, dtype=np.int64)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # a vector that is not finite has no cosine, and that is what is reported
        cosines = vectors[1:] @ vectors[0]
    for (answer, score), cosine in zip(pairs, cosines, strict=True):
        if not abs(cosine - score) <= tolerance:
            yield f"layer {golden.layer}: tracks {golden.query} and {answer} have cosine {cosine:.4f}; {score:.4f}"


def _heard(tracks: TrackColumns, wanted: set[str]) -> dict[str, _Heard]:
    rows = {track: row for row, track in enumerate(tracks.ids) if track in wanted}
    return {
        track: _Heard(vector_row=int(tracks.vector_row[row]), clips=tracks.clips_digest[row].tobytes())
        for track, row in rows.items()
        if tracks.vector_row[row] >= 0
    }
