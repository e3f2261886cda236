"""The gate: the checks that a built generation must pass, by itself and against the served one, to be published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.generation.contents import TrackColumns
from recommender.generation.golden_answers import Golden, differences
from recommender.generation.open_generation import Generation
from recommender.licences import covers, find_licence
from recommender.types import Space, Use
from recommender.vectors import count_bad

FEW = 8
"""With fewer tracks than this, the share of those made anew is not judged."""

MAX_MADE_ANEW = 0.5
"""Largest share of the tracks in golden answers that may be made of other clips than before. Files are replaced, but
not most of them in one night; shuffled ids look exactly like that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _EmbeddedTrack:
    """A track with vectors: their row, and the digest of the clips they were made from."""

    vector_row: int
    clips: bytes


def moved(candidate: Generation, serving: Generation, *, tolerance: float) -> tuple[str, ...]:
    """One line for each pair of tracks whose cosine in ``candidate`` is not the one recorded in ``serving``.

    Only tracks that both generations made from the same clips are compared, and no artists: the vector of an artist
    rightly changes when a track is added. When most tracks are made of other clips than before, that is the only line.
    """
    goldens = [golden for golden in serving.manifest.goldens if golden.kind == "tracks"]
    wanted = {track for golden in goldens for track in (golden.query, *golden.answers)}
    now, before = _embedded(candidate.contents.tracks, wanted), _embedded(serving.contents.tracks, wanted)
    shared = now.keys() & before.keys()
    kept = {track: now[track] for track in shared if before[track].clips == now[track].clips}
    anew = len(shared) - len(kept)
    if len(shared) >= FEW and anew > MAX_MADE_ANEW * len(shared):
        return (f"{anew} of {len(shared)} tracks asked about are made of other clips than in {serving.label}",)
    return tuple(
        f"{line}, was in {serving.label}"
        for golden in goldens
        for line in _moved_pairs(candidate, golden, kept, tolerance)
    )


def _moved_pairs(
    candidate: Generation, golden: Golden, kept: Mapping[str, _EmbeddedTrack], tolerance: float
) -> Iterator[str]:
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


def _embedded(tracks: TrackColumns, wanted: set[str]) -> dict[str, _EmbeddedTrack]:
    rows = {track: row for row, track in enumerate(tracks.ids) if track in wanted}
    return {
        track: _EmbeddedTrack(vector_row=int(tracks.vector_row[row]), clips=tracks.clips_digest[row].tobytes())
        for track, row in rows.items()
        if tracks.vector_row[row] >= 0
    }


MIN_SHARE = 0.98
"""Smallest share of the served generation's tracks, and of its artists, that a new one may have: fewer means a loss."""

TOLERANCE = 1e-4
"""Largest difference allowed between a cosine and the recorded one."""

_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason not to publish. ``code`` is a stable word for counting, ``detail`` is for the reader."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator wants to be served; an explicit space or encoder allows a change to it."""

    use: Use = Use.PERSONAL
    """The use it must be allowed for."""
    space: str | None = None
    """``Space.key`` that it must have; a change from the served generation's space is then intended."""
    encoder: str | None = None
    """Name of the encoder that it must have; a change from the served generation's encoder is then intended."""


def judge(candidate: Generation, serving: Generation | None, terms: Terms) -> tuple[Refusal, ...]:
    """All reasons not to publish ``candidate`` instead of ``serving`` (None: nothing is served yet); empty: publish it.

    ``empty``, ``fewer_tracks``, ``fewer_artists``, ``bad_vectors``, ``recall``, ``golden``, ``other_model``,
    ``licence``. Generations without common vectors are not compared: an empty one is refused as empty only, and another
    model rightly gives other cosines.
    """
    reasons = [*_empty(candidate, serving)]
    if not reasons:
        reasons += _fewer(candidate, serving)
    reasons += [*_bad_vectors(candidate), *_recall(candidate), *_golden(candidate)]
    other = [*_other_model(candidate.manifest.space, serving, terms)]
    if serving is not None and _same_space(candidate, serving):
        reasons += _moved(candidate, serving)
    return (*reasons, *other, *_licence(candidate, terms.use))


def _empty(candidate: Generation, serving: Generation | None) -> Iterator[Refusal]:
    counts = candidate.manifest.counts
    if counts.artists == 0:
        yield Refusal(code="empty", detail="it has no artists")
    elif counts.tracks_indexed == 0 and serving is not None and serving.manifest.counts.tracks_indexed:
        before = serving.manifest.counts.tracks_indexed
        yield Refusal(code="empty", detail=f"it has no track with audio, {serving.label} has {before}")


def _fewer(candidate: Generation, serving: Generation | None) -> Iterator[Refusal]:
    if serving is None:
        return
    new, old = candidate.manifest.counts, serving.manifest.counts
    sides = (
        (
            "fewer_tracks",
            ("tracks", new.tracks, old.tracks),
            ("tracks with audio", new.tracks_indexed, old.tracks_indexed),
        ),
        (
            "fewer_artists",
            ("artists", new.artists, old.artists),
            ("artists with audio", new.artists_indexed, old.artists_indexed),
        ),
    )
    for code, *counts in sides:
        short = [
            f"{now} {what} ({now / before:.1%} of {before})" for what, now, before in counts if now < MIN_SHARE * before
        ]
        if short:
            yield Refusal(code=code, detail=f"{', '.join(short)} beside {serving.label}")


def _bad_vectors(candidate: Generation) -> Iterator[Refusal]:
    for kind, indexes in (("tracks", candidate.tracks), ("artists", candidate.artists)):
        for layer, index in indexes.items():
            bad = count_bad(index)
            if bad:
                yield Refusal(
                    code="bad_vectors", detail=f"{bad} of {index.size} {kind} in layer {layer} are not finite and unit"
                )


def _recall(candidate: Generation) -> Iterator[Refusal]:
    for entry in candidate.manifest.indexes:
        if entry.recall_at_10 is not None and entry.recall_at_10 < entry.recall_floor:
            recall, floor = f"{entry.recall_at_10:.3f}", f"{entry.recall_floor:.3f}"
            yield Refusal(
                code="recall", detail=f"recall@10 of the {entry.kind} in layer {entry.layer} is {recall}, floor {floor}"
            )


def _golden(candidate: Generation) -> Iterator[Refusal]:
    lines = differences(candidate, candidate.manifest.goldens, tolerance=TOLERANCE)
    if lines:
        yield Refusal(code="golden", detail=_some(lines))


def _moved(candidate: Generation, serving: Generation) -> Iterator[Refusal]:
    lines = moved(candidate, serving, tolerance=TOLERANCE)
    if lines:
        yield Refusal(code="golden", detail=_some(lines))


def _other_model(space: Space, serving: Generation | None, terms: Terms) -> Iterator[Refusal]:
    if terms.space is not None:
        if space.key != terms.space:
            yield Refusal(code="other_model", detail=f"it is of space {space.key}, {terms.space} is asked for")
        return
    if terms.encoder is not None and space.name != terms.encoder:
        yield Refusal(code="other_model", detail=f"it is of encoder {space.name}, {terms.encoder} is asked for")
        return
    before = None if serving is None else serving.manifest.space
    if before is None or before.fingerprint == space.fingerprint:
        return
    if terms.encoder is None or before.name == space.name:
        intended = f"say --space {space.key} if that is intended"
        yield Refusal(code="other_model", detail=f"it is of space {space.key}, {before.key} serves; {intended}")


def _same_space(candidate: Generation, serving: Generation) -> bool:
    return candidate.manifest.space.fingerprint == serving.manifest.space.fingerprint


def _licence(candidate: Generation, use: Use) -> Iterator[Refusal]:
    manifest = candidate.manifest
    if not covers(manifest.use, use):
        yield Refusal(code="licence", detail=f"it was built for {manifest.use} use, {use.value} is asked for")
    uses = {use} | {other for other in Use if other.value == manifest.use}
    given = {f"encoder {manifest.space.name}": manifest.space.licence}
    given |= {f"source {name}": licence for name, licence in manifest.sources.items()}
    for what, licence in given.items():
        for use in sorted(uses - find_licence(licence).allows, key=lambda use: use.value):
            yield Refusal(code="licence", detail=f"{what} is licensed {licence}, which forbids {use.value} use")


def _some(lines: Sequence[str]) -> str:
    more = f" (and {len(lines) - _LISTED} more)" if len(lines) > _LISTED else ""
    return "; ".join(lines[:_LISTED]) + more
