"""Makes reply messages from rows of a generation: artists, tracks, scores and explanations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pb import soundkin_pb2 as pb
from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer, Status
from recommender.calibration.jackknife import LOW_EVIDENCE_TRACKS, VectorReliability
from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.explain.sentence import sentence
from recommender.generation.manifest import CandidatesEntry, Manifest
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import NEUTRAL, order_keys
from recommender.types import (
    Aspect,
    LayerMix,
    ScoredArtist,
    ScoredTrack,
    SignalName,
    SignalScore,
)
from server.interceptors import to_suggestions
from server.reload.loaded_generation import Snapshot
from server.rpc.requests import SIGNALS

_STATUSES = {
    Status.CALIBRATED: pb.CALIBRATION_CALIBRATED,
    Status.PROVISIONAL: pb.CALIBRATION_PROVISIONAL,
    Status.BORROWED: pb.CALIBRATION_PROVISIONAL,  # calibration_note says that it is borrowed
    Status.UNCALIBRATED: pb.CALIBRATION_UNCALIBRATED,
}

_TO_SIGNAL = {signal: number for number, signal in SIGNALS.items()}


def generation(snapshot: Snapshot) -> pb.Generation:
    """The generation that answers."""
    recommender = snapshot.recommender
    version = recommender.generation.manifest.version
    return pb.Generation(version=version, space=recommender.space_key, degraded=snapshot.degraded)


def artists(recommender: Recommender, rows: Sequence[int]) -> list[pb.ArtistSummary]:
    """Id and preferred name of each."""
    columns = recommender.generation.contents.artists
    ids, names = columns.ids.take(rows), columns.names.take(rows)
    return [pb.ArtistSummary(id=identifier, name=name) for identifier, name in zip(ids, names, strict=True)]


def artist(recommender: Recommender, row: int) -> pb.ArtistSummary:
    """Id and preferred name."""
    (summary,) = artists(recommender, [row])
    return summary


def track(recommender: Recommender, row: int) -> pb.TrackSummary:
    """Id, title, artist, and what its file says; its path only where the generation was loaded with paths."""
    contents = recommender.generation.contents
    facts = contents.details.at(row)
    return pb.TrackSummary(
        id=contents.tracks.ids[row],
        title=contents.tracks.titles[row],
        artist=artist(recommender, int(contents.tracks.artist[row])),
        album=facts.album,
        duration_ms=facts.length_ms,
        credit=facts.credit,
        path=facts.path,
    )


def unresolved(
    recommender: Recommender, ref: pb.ArtistRef, error: InvalidArgument | NotFound | AmbiguousName
) -> pb.ResolvedArtist:
    """Why ``ref`` is not exactly one artist; ``error`` was raised when it was looked up."""
    match error:
        case AmbiguousName():
            how, several = pb.RESOLUTION_AMBIGUOUS, [identifier for identifier, _ in error.candidates]
        case NotFound():
            how, several = pb.RESOLUTION_NOT_FOUND, []
        case _:
            how, several = pb.RESOLUTION_INVALID, []
    rows = [recommender.directory.artist_by_id(identifier) for identifier in several]
    return pb.ResolvedArtist(
        ref=ref,
        resolution=how,
        candidates=artists(recommender, rows),
        message=str(error),
        suggestions=to_suggestions(error.suggestions) if isinstance(error, NotFound) else (),
    )


def resolved(recommender: Recommender, ref: pb.ArtistRef, row: int) -> pb.ResolvedArtist:
    """``ref`` is the artist at ``row``."""
    return pb.ResolvedArtist(
        ref=ref,
        resolution=pb.RESOLUTION_FOUND,
        candidates=[artist(recommender, row)],
        not_indexed=bool(not_indexed(recommender, [row])),
    )


def not_indexed(recommender: Recommender, rows: Iterable[int]) -> list[pb.ArtistSummary]:
    """Those of ``rows`` that have no embedding, each once."""
    vector_row = recommender.generation.contents.artists.vector_row
    return artists(recommender, [row for row in dict.fromkeys(rows) if vector_row[row] < 0])


def scored_artists(
    recommender: Recommender,
    ranked: Sequence[ScoredArtist],
    query: ArtistQuery,
    *,
    explain: Callable[[int], pb.Explanation] | None = None,
) -> list[pb.ScoredArtist]:
    """The lines of a ranking by ``query``; ``explain`` gives the explanation of the artist at a row."""
    rows = [scored.row for scored in ranked]
    names, reliabilities = artists(recommender, rows), recommender.reliability(rows, query.mix)
    lines = []
    for scored, name, reliability in zip(ranked, names, reliabilities, strict=True):
        key, popularity = (None, None) if query.depth == NEUTRAL else _dial(recommender, scored, query.depth)
        lines.append(
            pb.ScoredArtist(
                artist=name,
                score=scored.score,
                breakdown=map(to_signal_score, scored.breakdown),
                explanation=explain(scored.row) if explain else None,
                base=scored.base,
                evidence=to_evidence(reliability),
                order_key=key,
                popularity=popularity,
            )
        )
    return lines


def _dial(recommender: Recommender, scored: ScoredArtist, depth: float) -> tuple[float, float | None]:
    """The key that an artist was ordered by, and its popularity where that is known."""
    popularity = recommender.popularity[[scored.row]]
    (key,) = order_keys(np.array([scored.score]), popularity, depth)
    return float(key), None if np.isnan(popularity[0]) else float(popularity[0])


def scored_track(recommender: Recommender, scored: ScoredTrack) -> pb.ScoredTrack:
    """One line of a ranking of tracks."""
    return pb.ScoredTrack(track=track(recommender, scored.row), score=scored.score, cosine=scored.cosine)


def explanation(recommender: Recommender, a: int, b: int, *, mix: LayerMix) -> pb.Explanation:
    """What ``a`` and ``b`` share, with the names of all artists involved, and in a sentence."""
    facts = recommender.explain(a, b, mix=mix)
    find = recommender.directory.artist_by_id
    neighbours = [find(identifier) for identifier, _ in facts.scene_neighbours]
    nearest = None
    if facts.nearest_tracks is not None:
        ours, theirs, cosine = facts.nearest_tracks
        tracks = track(recommender, ours), track(recommender, theirs)
        nearest = pb.NearestTracks(a=tracks[0], b=tracks[1], cosine=cosine, aspect=facts.aspect)
    return pb.Explanation(
        genres=(pb.SharedGenre(genre=genre, weight=weight) for genre, weight in facts.genres),
        scene_neighbours=(
            pb.SharedNeighbour(artist=neighbour, strength=strength)
            for neighbour, (_, strength) in zip(artists(recommender, neighbours), facts.scene_neighbours, strict=True)
        ),
        recordings=(pb.SharedRecording(kind=kind, title=title) for kind, title in facts.collaborations),
        nearest_tracks=nearest,
        scene_paths=(
            pb.ScenePath(over=artists(recommender, [find(identifier) for identifier in over]), strength=strength)
            for over, strength in facts.scene_paths
        ),
        listed_together=facts.listed_together,
        sentence=sentence(recommender.generation.contents, recommender.directory, facts, a=a, b=b),
    )


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


def to_evidence(reliability: VectorReliability | None) -> pb.Evidence | None:
    """How reliable an artist's vector is; numbers that could not be measured are unset."""
    if reliability is None:
        return None
    coherence, error = reliability.coherence, reliability.standard_error
    return pb.Evidence(
        tracks=reliability.tracks,
        coherence=None if math.isnan(coherence) else coherence,
        standard_error=None if math.isnan(error) else error,
        low=reliability.tracks <= LOW_EVIDENCE_TRACKS,
    )


def to_candidates(entry: CandidatesEntry) -> pb.CandidatesInfo:
    """How a generation finds candidates, and how well that was measured to work."""
    return pb.CandidatesInfo(
        first=entry.first,
        overlap_at_20=entry.overlap_at_20,
        measured_on=entry.seeds,
        nearest=entry.nearest,
        weight_profile=entry.profile,
        note=entry.note,
    )


def to_layers(manifest: Manifest, calibrated: Mapping[str, CalibratedLayer]) -> list[pb.LayerInfo]:
    """The layers of the space, with their shares of the default mix and their calibration status."""
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
    """An aspect of the space: a named mix of layers."""
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
