"""The gate: what a built generation must not be, measured against itself and against the one that serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer.drift import moved
from recommender.generation.golden_answers import differences
from recommender.generation.open_generation import Generation
from recommender.licences import covers, find_licence
from recommender.types import Profile, Space
from recommender.vectors import count_bad

LEAST_SHARE = 0.98
"""Of the tracks and of the artists of the one that serves: below it, something was lost."""

TOLERANCE = 1e-4
"""How far a cosine may be from the one on record."""

_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason not to publish. ``code`` is a stable word for counting, ``detail`` is for the reader."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator wants to be served."""

    profile: Profile = Profile.PERSONAL
    """The use it must be allowed for."""
    space: str | None = None
    """``Space.key`` it must be of; that it is another than the serving one's is then intended."""
    encoder: str | None = None
    """Name of the encoder it must be of; that the serving one is of another encoder is then intended."""


def judge(candidate: Generation, serving: Generation | None, terms: Terms) -> tuple[Refusal, ...]:
    """Every reason not to publish ``candidate`` in the place of ``serving`` (None: nothing serves yet); none: publish.

    ``empty``, ``fewer_tracks``, ``fewer_artists``, ``bad_vectors``, ``recall``, ``golden``, ``other_model``,
    ``licence``. What has no vectors in common is not compared: an empty one is only empty, one of another model gives
    other cosines by right.
    """
    reasons = [*_empty(candidate, serving)]
    if not reasons:
        reasons += _fewer(candidate, serving)
    reasons += [*_bad_vectors(candidate), *_recall(candidate), *_golden(candidate)]
    other = [*_other_model(candidate.manifest.space, serving, terms)]
    if serving is not None and _same_space(candidate, serving):
        reasons += _moved(candidate, serving)
    return (*reasons, *other, *_licence(candidate, terms.profile))


def _empty(candidate: Generation, serving: Generation | None) -> Iterator[Refusal]:
    counts = candidate.manifest.counts
    if counts.artists == 0:
        yield Refusal(code="empty", detail="it has no artists")
    elif counts.tracks_indexed == 0 and serving is not None and serving.manifest.counts.tracks_indexed:
        held = serving.manifest.counts.tracks_indexed
        yield Refusal(code="empty", detail=f"it has no track with audio, {serving.label} has {held}")


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
            f"{now} {what} ({now / before:.1%} of {before})"
            for what, now, before in counts
            if now < LEAST_SHARE * before
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
            found, floor = f"{entry.recall_at_10:.3f}", f"{entry.recall_floor:.3f}"
            yield Refusal(
                code="recall", detail=f"recall@10 of the {entry.kind} in layer {entry.layer} is {found}, floor {floor}"
            )


def _golden(candidate: Generation) -> Iterator[Refusal]:
    found = differences(candidate, candidate.manifest.goldens, tolerance=TOLERANCE)
    if found:
        yield Refusal(code="golden", detail=_some(found))


def _moved(candidate: Generation, serving: Generation) -> Iterator[Refusal]:
    found = moved(candidate, serving, tolerance=TOLERANCE)
    if found:
        yield Refusal(code="golden", detail=_some(found))


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


def _licence(candidate: Generation, profile: Profile) -> Iterator[Refusal]:
    manifest = candidate.manifest
    if not covers(manifest.profile, profile):
        yield Refusal(code="licence", detail=f"it was built for {manifest.profile} use, {profile.value} is asked for")
    uses = {profile, *(use for use in Profile if use.value == manifest.profile)}
    given = {f"encoder {manifest.space.name}": manifest.space.licence}
    given |= {f"source {name}": licence for name, licence in manifest.sources.items()}
    for what, licence in given.items():
        for use in sorted(uses - find_licence(licence).allows, key=lambda use: use.value):
            yield Refusal(code="licence", detail=f"{what} is licensed {licence}, which forbids {use.value} use")


def _some(lines: Sequence[str]) -> str:
    more = f" (and {len(lines) - _LISTED} more)" if len(lines) > _LISTED else ""
    return "; ".join(lines[:_LISTED]) + more
