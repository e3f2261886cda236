"""Rows of a generation -> messages of the contract: artists, tracks, scores and why."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pb import soundkin_pb2 as pb
from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.explain.sentence import sentence
from recommender.ranking.artists import Recommender
from recommender.ranking.popularity import NEUTRAL, order_keys
from recommender.types import Explanation, LayerMix, ScoredArtist, ScoredTrack
from server.convert import to_evidence, to_signal_score


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
    """Ids in other catalogues, by namespace and value."""
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
