"""An artist that is not in the catalog, known by its clips alone: heard as the catalog's artists are, and ranked.

Every clip is a track. The audio signal says what it would say of an artist in the catalog with these tracks; the
other signals know nothing of a newcomer, and are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer, Measured, measure, unmeasured
from recommender.calibration.jackknife import VectorReliability
from recommender.errors import InvalidArgument
from recommender.explain import shared_facts
from recommender.explain.score_breakdown import break_down
from recommender.explain.shared_facts import aspect_of
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import order_keys
from recommender.signals.audio import AudioSignal, Heard
from recommender.signals.panel import SignalScores
from recommender.types import (
    SIGNALS,
    ClipEmbeddings,
    LayerMix,
    Opinions,
    Rows,
    Scale,
    ScoredArtist,
    Similarities,
    Space,
    Vectors,
)
from recommender.vectors import top, unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """An artist as its clips tell."""

    mix: LayerMix
    tracks: Mapping[str, Vectors]
    """Layer of the space -> ``[track, dim]``, unit vectors of the clips."""
    heard: Mapping[str, Heard]
    """Layer of the mix -> the artist."""

    @property
    def evidence(self) -> VectorReliability:
        """What stands behind it; means over the layers by share, NaN where a layer could not measure it."""
        count = len(next(iter(self.tracks.values())))
        found = [(self.mix[layer], each.measured) for layer, each in self.heard.items()]
        known = [(share, each.evidence) for share, each in found if each is not None]
        total = sum(share for share, _ in known)
        if not known or len(known) < len(found):
            return VectorReliability(tracks=count, coherence=float("nan"), standard_error=float("nan"))
        return VectorReliability(
            tracks=count,
            coherence=sum(share * each.coherence for share, each in known) / total,
            standard_error=sum(share * each.standard_error for share, each in known) / total,
        )


def hear(generation: Generation, clips: ClipEmbeddings, mix: LayerMix | None = None) -> Newcomer:
    """The artist that made ``clips``, as the layers of ``mix`` (the default of the space when None) hear it.

    Args:
        clips: ``[clip, layer, dim]`` of the generation's space, at least one, none all zero in a layer.

    Raises:
        InvalidArgument: as :func:`clip_vectors` does, and when the clips cancel one another.
    """
    space = generation.manifest.space
    chosen = layer_mix.by_default(space) if mix is None else mix
    tracks = clip_vectors(space, clips)
    calibrated = generation.calibration.layers
    return Newcomer(
        mix=chosen,
        tracks=tracks,
        heard={
            layer: Heard(vector=_middle(tracks[layer]), measured=_measured(calibrated.get(layer), tracks[layer]))
            for layer in chosen
        },
    )


def clip_vectors(space: Space, clips: ClipEmbeddings) -> dict[str, Vectors]:
    """Layer of ``space`` -> ``[clip, dim]``, each of ``clips`` as the vector that a track of this clip has.

    Rounded as a build rounds: the unit vector of the clip, then that of the mean of the one.

    Args:
        space: of the generation.
        clips: ``[clip, layer, dim]``, at least one, none all zero in a layer.

    Raises:
        InvalidArgument: there is no clip, the shape is not that of the space, or a vector has no direction.
    """
    expected = (len(space.layers), space.dim)
    if not len(clips) or clips.shape[1:] != expected:
        raise InvalidArgument("clips", f"have shape {clips.shape}; at least one of {expected} is needed")
    return {layer: unit(unit(clips[:, place])) for place, layer in enumerate(space.layer_names)}


def _middle(tracks: Vectors) -> Vectors:
    """``[dim]``: unit mean of unit vectors, as a build makes it. Raises InvalidArgument when they sum to nothing."""
    try:
        middle: Vectors = unit(tracks.astype(np.float64).sum(axis=0) / len(tracks))
    except InvalidArgument as error:
        raise InvalidArgument("clip", "all together have no direction: they cancel one another; send fewer") from error
    return middle


def _measured(layer: CalibratedLayer | None, tracks: Vectors) -> Measured | None:
    """As the bundle of the layer hears it; without a standing where that cannot be measured."""
    if layer is None:
        return None
    try:
        return measure(layer.bundle, tracks)
    except InvalidArgument:
        return unmeasured(width=layer.bundle.width, tracks=len(tracks))


def rank_for(recommender: Recommender, newcomer: Newcomer, query: ArtistQuery, *, n: int) -> list[ScoredArtist]:
    """The first ``n`` artists by score with ``newcomer``, ties by id; those without a score are left out.

    A full scan: every artist is scored. ``query`` gives the weights, the conditions and the dial. Its mix is that of
    the newcomer, and it has no seeds.

    Raises InvalidArgument for a query with seeds.
    """
    if query.seeds or query.negative_seeds:
        raise InvalidArgument("seeds", "cannot go with clips: the clips are the seed")
    choices = recommender.generation.calibration.choices
    profile = choices.default if query.weights is None else query.weights
    audio = recommender.audio(newcomer.mix)
    rows = None if query.candidates is None else np.array(sorted(query.candidates), dtype=np.int64)
    asked = slice(None) if rows is None else rows
    scores = profile.score(_alone(_heard(audio, newcomer, rows, profile.scale)))
    allowed = np.where(recommender.answerable(query)[asked], scores, np.nan)
    best = top(order_keys(allowed, recommender.popularity[asked], query.depth), n)
    ranked = best if rows is None else rows[best]
    return break_down(ranked, profile, for_=[_said(audio, newcomer, ranked, profile.scale)], against=[])


def _heard(audio: AudioSignal, newcomer: Newcomer, rows: Rows | None, scale: Scale) -> Similarities:
    """``[artist]`` what a profile of ``scale`` reads of the audio signal."""
    if scale is Scale.VALUES:
        return audio.value(audio.raw(newcomer.heard, rows))
    return audio.percentiles(newcomer.heard, rows)


def _said(audio: AudioSignal, newcomer: Newcomer, rows: Rows, scale: Scale) -> SignalScores:
    return SignalScores(
        raw=_alone(audio.raw(newcomer.heard, rows)),
        shown=_alone(audio.shown(newcomer.heard, rows)),
        percentiles=_alone(audio.percentiles(newcomer.heard, rows)),
        read=_alone(_heard(audio, newcomer, rows, scale)),
        own=np.zeros(len(rows), dtype=bool),
    )


def _alone(heard: Similarities) -> Opinions:
    """``[signal, artist]``: the audio signal's opinion, which comes first, and none of the others."""
    opinions = np.full((len(SIGNALS), len(heard)), np.nan)
    opinions[0] = heard
    return opinions


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestClip:
    """The clip and the track of an artist that sound most alike."""

    clip: int
    """Its place among the clips of the newcomer."""
    track: int
    """Row."""
    cosine: float
    aspect: str
    """In which they stand out (recommender/explain/shared_facts.py); empty in a space without aspects."""


def nearest_clip(recommender: Recommender, newcomer: Newcomer, artist: int) -> NearestClip | None:
    """What of ``newcomer`` sounds most like ``artist``; None when that has no embedded track."""
    generation, theirs = recommender.generation, recommender.heard_tracks(artist)
    if not theirs.size:
        return None
    clip, track, cosine = shared_facts.nearest_of(generation, newcomer.tracks, theirs, newcomer.mix)
    row = generation.contents.tracks.vector_row[[track]]

    def pair(layer: str) -> Vectors:
        return np.concatenate([newcomer.tracks[layer][[clip]], generation.tracks[layer].vectors(row)])

    aspect = aspect_of(generation, pair, {generation.contents.artists.ids[artist]})
    return NearestClip(clip=clip, track=track, cosine=cosine, aspect=aspect)
