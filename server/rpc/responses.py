"""Rows of a generation -> messages of the contract: artists, tracks, scores and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from pb import soundkin_pb2 as pb
from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer, Status
from recommender.calibration.jackknife import VectorReliability
from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.explain.sentence import sentence
from recommender.generation.manifest import CandidatesEntry, Manifest
from recommender.ranking.artists import Recommender
from recommender.ranking.popularity import NEUTRAL, order_keys
from recommender.types import (
    Aspect,
    Explanation,
    LayerMix,
    ScoredArtist,
    ScoredTrack,
    SignalName,
    SignalScore,
)
from server.rpc.requests import SIGNALS

_STATUSES = {
    Status.CALIBRATED: pb.CALIBRATION_CALIBRATED,
    Status.PROVISIONAL: pb.CALIBRATION_PROVISIONAL,
    Status.UNCALIBRATED: pb.CALIBRATION_UNCALIBRATED,
}

_TO_SIGNAL = {signal: number for number, signal in SIGNALS.items()}


def artist(recommender: Recommender, row: int) -> pb.ArtistSummary:
    """Id and preferred name."""
    artists = recommender.generation.contents.artists
    return pb.ArtistSummary(id=artists.ids[row], name=artists.names[row])


def track(recommender: Recommender, row: int) -> pb.TrackSummary:
    """Id, title and whose it is."""
    tracks = recommender.generation.contents.tracks
    owner = artist(recommender, int(tracks.artist[row]))
    return pb.TrackSummary(id=tracks.ids[row], title=tracks.titles[row], artist=owner)


def unresolved(
    recommender: Recommender, ref: pb.ArtistRef, error: InvalidArgument | NotFound | AmbiguousName
) -> pb.ResolvedArtist:
    """Why ``ref`` is not exactly one artist: ``error`` is what looking for it came to."""
    match error:
        case AmbiguousName():
            how, several = pb.RESOLUTION_AMBIGUOUS, [identifier for identifier, _ in error.candidates]
        case NotFound():
            how, several = pb.RESOLUTION_NOT_FOUND, []
        case _:
            how, several = pb.RESOLUTION_INVALID, []
    candidates = [artist(recommender, recommender.directory.artist_by_id(identifier)) for identifier in several]
    return pb.ResolvedArtist(ref=ref, resolution=how, candidates=candidates, message=str(error))


def not_indexed(recommender: Recommender, rows: Iterable[int]) -> list[pb.ArtistSummary]:
    """Those of ``rows`` that have no embedding, each once."""
    vector_row = recommender.generation.contents.artists.vector_row
    return [artist(recommender, row) for row in dict.fromkeys(rows) if vector_row[row] < 0]


def scored_artist(
    recommender: Recommender,
    scored: ScoredArtist,
    mix: LayerMix,
    *,
    explanation: pb.Explanation | None = None,
    depth: float = NEUTRAL,
) -> pb.ScoredArtist:
    """One line of a ranking; its evidence is that of ``mix``. What the dial made of it where that is turned."""
    key, popularity = (None, None) if depth == NEUTRAL else _turned(recommender, scored, depth)
    return pb.ScoredArtist(
        artist=artist(recommender, scored.row),
        score=scored.score,
        breakdown=map(to_signal_score, scored.breakdown),
        explanation=explanation,
        base=scored.base,
        evidence=to_evidence(recommender.evidence(scored.row, mix)),
        order_key=key,
        popularity=popularity,
    )


def _turned(recommender: Recommender, scored: ScoredArtist, depth: float) -> tuple[float, float | None]:
    """What an artist was ordered by, and how well known it is where that is known."""
    popularity = recommender.popularity[[scored.row]]
    (key,) = order_keys(np.array([scored.score]), popularity, depth)
    return float(key), None if np.isnan(popularity[0]) else float(popularity[0])


def scored_track(recommender: Recommender, scored: ScoredTrack) -> pb.ScoredTrack:
    """One line of a ranking of tracks."""
    return pb.ScoredTrack(track=track(recommender, scored.row), score=scored.score, cosine=scored.cosine)


def why(recommender: Recommender, a: int, b: int, explanation: Explanation) -> pb.Explanation:
    """What ``a`` and ``b`` share, with the names of everyone involved, and in a sentence."""
    find = recommender.directory.artist_by_id
    told = sentence(recommender.generation.contents, recommender.directory, explanation, a=a, b=b)
    return pb.Explanation(
        genres=(pb.SharedGenre(genre=genre, weight=weight) for genre, weight in explanation.genres),
        scene_neighbours=(
            pb.SharedNeighbour(artist=artist(recommender, find(identifier)), strength=strength)
            for identifier, strength in explanation.scene_neighbours
        ),
        recordings=(pb.SharedRecording(kind=kind, title=title) for kind, title in explanation.collaborations),
        nearest_tracks=_nearest(recommender, explanation),
        sentence=told,
    )


def _nearest(recommender: Recommender, explanation: Explanation) -> pb.NearestTracks | None:
    if explanation.nearest_tracks is None:
        return None
    a, b, cosine = explanation.nearest_tracks
    return pb.NearestTracks(a=track(recommender, a), b=track(recommender, b), cosine=cosine, aspect=explanation.aspect)


def aliases(recommender: Recommender, row: int) -> list[str]:
    """Spellings of the artist other than its preferred one, in alphabetical order."""
    artists = recommender.generation.contents.artists
    spellings = {artists.spellings[int(place)] for place in np.flatnonzero(artists.spelling_artist == row)}
    return sorted(spellings - {artists.names[row]})


def external_ids(recommender: Recommender, row: int) -> list[pb.ExternalId]:
    """Ids in other catalogs, by namespace and value."""
    artists = recommender.generation.contents.artists
    places = [int(place) for place in np.flatnonzero(artists.external_artist == row)]
    pairs = sorted((artists.external_namespaces[place], artists.external_values[place]) for place in places)
    return [pb.ExternalId(namespace=namespace, value=value) for namespace, value in pairs]


def genres(recommender: Recommender, row: int) -> list[pb.WeightedGenre]:
    """Genres of the artist, strongest first, ties by name."""
    relations = recommender.generation.contents.relations
    start, stop = relations.genre_weights.indptr[row : row + 2]
    columns, weights = relations.genre_weights.indices[start:stop], relations.genre_weights.data[start:stop]
    pairs = [(relations.genres[int(column)], float(w)) for column, w in zip(columns, weights, strict=True)]
    ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    return [pb.WeightedGenre(genre=genre, weight=weight) for genre, weight in ordered]


def to_signal(signal: SignalName) -> pb.Signal:
    """Signal -> proto enum."""
    return _TO_SIGNAL[signal]


def to_signal_score(score: SignalScore) -> pb.SignalScore:
    """One line of a breakdown; ``raw`` and ``value`` stay unset where the signal has no opinion."""
    return pb.SignalScore(
        signal=to_signal(score.signal),
        available=score.available,
        raw=score.raw if score.available else None,
        value=score.value if score.available else None,
        weight=score.weight,
        contribution=score.contribution,
        percentile=None if math.isnan(score.percentile) else score.percentile,
    )


def to_evidence(evidence: VectorReliability | None) -> pb.Evidence | None:
    """What an artist's vector rests on; unset numbers are those that could not be measured."""
    if evidence is None:
        return None
    return pb.Evidence(
        tracks=evidence.tracks,
        coherence=None if math.isnan(evidence.coherence) else evidence.coherence,
        standard_error=None if math.isnan(evidence.standard_error) else evidence.standard_error,
        low=evidence.low,
    )


def to_candidates(entry: CandidatesEntry) -> pb.CandidatesInfo:
    """What a generation says of how it finds the nearest artists."""
    return pb.CandidatesInfo(
        first=entry.first,
        overlap_at_20=entry.overlap_at_20,
        measured_on=entry.seeds,
        nearest=entry.nearest,
        weight_profile=entry.profile,
        note=entry.note,
    )


def to_layers(manifest: Manifest, calibrated: Mapping[str, CalibratedLayer]) -> list[pb.LayerInfo]:
    """The layers of the space, with their shares of its default mix and how far they are calibrated."""
    shares = layer_mix.by_default(manifest.space)
    unmeasured = {entry.layer: entry.unmeasured for entry in manifest.calibrations}
    infos = []
    for layer in manifest.space.layers:
        info = _calibrated(calibrated.get(layer.name))
        info.name, info.description, info.default_weight = layer.name, layer.description, shares.get(layer.name, 0.0)
        info.unmeasured_artists = unmeasured.get(layer.name, 0)
        infos.append(info)
    return infos


def to_aspect(aspect: Aspect) -> pb.Aspect:
    """A named way to listen."""
    layers = [pb.LayerWeight(layer=layer, weight=weight) for layer, weight in aspect.layers.items()]
    return pb.Aspect(
        name=aspect.name,
        description=aspect.description,
        layers=pb.LayerMix(layers=layers),
        evidence=aspect.evidence,
    )


def _calibrated(layer: CalibratedLayer | None) -> pb.LayerInfo:
    if layer is None:
        return pb.LayerInfo(calibration=pb.CALIBRATION_UNCALIBRATED, calibration_note="the generation holds none")
    return pb.LayerInfo(
        calibration=_STATUSES[layer.bundle.status],
        reference_artists=layer.bundle.reference_artists,
        calibration_note=layer.bundle.summary,
    )
