"""Makes a seed from audio clips: an artist that is not in the catalog, embedded and measured as catalog artists are.

Every clip is a track. The audio signal scores the artist as it would score a catalog artist with these tracks; the
other signals have no data on it, and are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer, Measured, measure, unmeasured
from recommender.errors import InvalidArgument
from recommender.explain import shared_facts
from recommender.explain.shared_facts import aspect_of
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import Recommender
from recommender.signals.audio import AudioQuery
from recommender.types import ClipEmbeddings, LayerMix, Space, Vectors
from recommender.vectors import unit


def from_clips(generation: Generation, clips: ClipEmbeddings, mix: LayerMix | None = None) -> AudioQuery:
    """The artist that made ``clips``, by the layers of ``mix`` (the default of the space when None).

    Args:
        generation: whose artists it will be compared with.
        clips: ``[clip, layer, dim]`` of the generation's space, at least one, none all zero in a layer.
        mix: layer -> share, shares sum to 1.

    Raises:
        InvalidArgument: as :func:`clip_vectors` does, and when the clips cancel one another.
    """
    space = generation.manifest.space
    mix = layer_mix.by_default(space) if mix is None else mix
    tracks = clip_vectors(space, clips)
    calibrated = generation.calibration.layers
    return AudioQuery(
        mix=mix,
        vectors={layer: _artist_vector(tracks[layer]) for layer in mix},
        measured={layer: _measured(calibrated[layer], tracks[layer]) for layer in mix if layer in calibrated},
        tracks=tracks,
    )


def clip_vectors(space: Space, clips: ClipEmbeddings) -> dict[str, Vectors]:
    """Layer of ``space`` -> ``[clip, dim]``, each of ``clips`` as the vector that a track of this one clip has.

    Args:
        space: of the generation.
        clips: ``[clip, layer, dim]``, at least one, none all zero in a layer.

    Raises:
        InvalidArgument: there is no clip, the shape is not that of the space, or a vector has no direction.
    """
    expected = (len(space.layers), space.dim)
    if not len(clips) or clips.shape[1:] != expected:
        raise InvalidArgument("clips", f"have shape {clips.shape}; at least one of {expected} is needed")
    # Scaled twice, as a build does (first the clip, then the mean of the track's clips), for the same rounding.
    return {layer: unit(unit(clips[:, number])) for number, layer in enumerate(space.layer_names)}


def _artist_vector(tracks: Vectors) -> Vectors:
    """``[dim]``: unit mean of unit vectors, as a build makes it. Raises InvalidArgument when they cancel."""
    try:
        vector: Vectors = unit(tracks.astype(np.float64).sum(axis=0) / len(tracks))
    except InvalidArgument as error:
        raise InvalidArgument("clip", "all together have no direction: they cancel one another; send fewer") from error
    return vector


def _measured(layer: CalibratedLayer, tracks: Vectors) -> Measured:
    """Measured by the bundle of the layer; with NaN statistics where that is not possible."""
    try:
        return measure(layer.bundle, tracks)
    except InvalidArgument:
        return unmeasured(width=layer.bundle.width, tracks=len(tracks))


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestClip:
    """The clip and the track of an artist that sound most alike."""

    clip: int
    """Its position among the clips of the query."""
    track: int
    """Row."""
    cosine: float
    aspect: str
    """In which they are most alike (recommender/explain/shared_facts.py); empty in a space without aspects."""


def nearest_clip(recommender: Recommender, query: AudioQuery, artist: int) -> NearestClip | None:
    """The clip of ``query`` and the track of ``artist`` that sound most alike; None when it has no embedded track."""
    generation, theirs = recommender.generation, recommender.embedded_tracks(artist)
    if not theirs.size:
        return None
    clip, track, cosine = shared_facts.nearest_of(generation, query.tracks, theirs, query.mix)
    row = generation.contents.tracks.vector_row[[track]]

    def pair(layer: str) -> Vectors:
        return np.concatenate([query.tracks[layer][[clip]], generation.tracks[layer].vectors(row)])

    aspect = aspect_of(generation, pair, {generation.contents.artists.ids[artist]})
    return NearestClip(clip=clip, track=track, cosine=cosine, aspect=aspect)
