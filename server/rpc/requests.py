"""Reads request messages into the library's types; every size and every reference is checked here.

:func:`read_artist_query` reads all requests that rank artists. Nothing depends on a generation but through the
:class:`Recommender` or the space that is given. Errors name the field of the request that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from pb import soundkin_pb2 as pb
from recommender import layer_mix
from recommender.errors import InvalidArgument, InvalidWeights, NotFound, SpaceMismatch
from recommender.fusion.profiles import WeightChoices, WeightProfile, find_profile
from recommender.lookup import Directory
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import NEUTRAL, PopularityBand, checked_depth
from recommender.retrieval.filters import GenreFilter
from recommender.types import LayerMix, SignalName, Space, Vectors
from server.limits import MAX_BATCHED, MAX_GENRES, MAX_MIXED, MAX_REFS, MAX_SEED_TRACKS, MAX_SEEDS, MAX_USERS

DEFAULT_LIMIT = 10
"""Results of a request that names no limit."""
MAX_RESULTS = 1000
"""Results of one page."""
MIN_NORM = 1e-6
MAX_NORM = 1e6
"""Range of length in which a vector from outside has a direction worth trusting."""

SIGNALS: Mapping[pb.Signal, SignalName] = {
    pb.SIGNAL_AUDIO: SignalName.AUDIO,
    pb.SIGNAL_SCENE: SignalName.SCENE,
    pb.SIGNAL_GENRE: SignalName.GENRE,
    pb.SIGNAL_COLLABORATION: SignalName.COLLABORATION,
}
"""Proto enum -> signal."""

MAX_ENTRIES: Mapping[str, int] = {
    "seeds": MAX_SEEDS,
    "negative_seeds": MAX_SEEDS,
    "candidates": MAX_REFS,
    "exclude": MAX_REFS,
    "refs": MAX_REFS,
    "requests": MAX_BATCHED,
    "line_up": MAX_REFS,
    "users": MAX_USERS,
    "artists": MAX_SEEDS,
    "tracks": MAX_SEED_TRACKS,
    "weights.weights": len(SIGNALS),
    "listening.layer_mix.layers": MAX_MIXED,
    "listening.aspect_mix.aspects": MAX_MIXED,
    "filter.genres_any": MAX_GENRES,
    "filter.genres_all": MAX_GENRES,
    "filter.genres_none": MAX_GENRES,
}
"""List field of any request, as a path from its root -> how many entries it may have."""

Request: TypeAlias = (
    pb.SimilarArtistsRequest
    | pb.BatchSimilarArtistsRequest
    | pb.RankArtistsRequest
    | pb.BatchRankArtistsRequest
    | pb.LineUpUser
    | pb.SimilarTracksRequest
    | pb.CompareArtistsRequest
    | pb.ResolveArtistsRequest
    | pb.MakePlaylistRequest
)
Weighted: TypeAlias = (
    pb.SimilarArtistsRequest | pb.CompareArtistsRequest | pb.RankArtistsRequest | pb.BatchRankArtistsRequest
)
"""Requests that carry a ``weighting``."""


def read_artist_query(
    recommender: Recommender, request: pb.SimilarArtistsRequest | pb.RankArtistsRequest, *, by_clips: bool = False
) -> ArtistQuery:
    """Read a request that ranks artists: sizes, references, layer mix, weights, filters and depth.

    Args:
        recommender: answers the request.
        request: its ``limit``, ``page_token`` and ``explain`` are not read. Of a RankArtistsRequest the candidates are
            not read either, as those that are not found are part of its answer.
        by_clips: the seeds are clips, so the request has none.

    Raises:
        InvalidArgument: a list is too long, there is no seed, a reference is empty or a bound is out of range.
        NotFound: a reference, layer, aspect or profile is not in the generation.
        AmbiguousName: a name is that of several artists.
        InvalidWeights: weights that make no sense.
    """
    check_sizes(request)
    if not (request.seeds or by_clips):
        raise InvalidArgument("seeds", "is empty; name at least one artist")
    directory, space = recommender.directory, recommender.generation.manifest.space
    seeds = find_artists(directory, request.seeds, "seeds")
    # References come before weights and mix, so that a request with two errors names the artist that is unknown.
    unlike, candidates = _others(directory, request)
    query = ArtistQuery(
        seeds=seeds,
        negative_seeds=unlike,
        mix=read_listening(request.listening, space) if request.HasField("listening") else recommender.default_mix,
        weights=read_weights(request, recommender.choices),
    )
    if isinstance(request, pb.RankArtistsRequest):
        return replace(query, keep_seeds=True)
    filtered = request.HasField("filter")
    return replace(
        query,
        candidates=candidates or None,
        exclude=frozenset(find_artists(directory, request.exclude, "exclude")),
        genres=read_genres(request.filter) if filtered else None,
        min_tracks=request.filter.min_tracks,
        popularity=read_popularity(request.filter) if filtered else None,
        depth=checked_depth(request.depth) if request.HasField("depth") else NEUTRAL,
    )


def _others(
    directory: Directory, request: pb.SimilarArtistsRequest | pb.RankArtistsRequest
) -> tuple[tuple[int, ...], frozenset[int]]:
    """Rows of the negative seeds and of the artists to choose among. Raises as :func:`find_artists` does."""
    unlike = find_artists(directory, request.negative_seeds, "negative_seeds")
    if isinstance(request, pb.RankArtistsRequest):
        return unlike, frozenset()
    return unlike, frozenset(find_artists(directory, request.candidates, "candidates"))


def check_sizes(request: Request) -> None:
    """Refuse a list of ``request`` that is longer than :data:`MAX_ENTRIES`, before any entry is looked up.

    Raises InvalidArgument that names the field.
    """
    fields = request.DESCRIPTOR.fields_by_name
    for path, most in MAX_ENTRIES.items():
        first, *rest = path.split(".")
        if first not in fields:
            continue
        entries = getattr(request, first)
        for name in rest:
            entries = getattr(entries, name, ())
        if len(entries) > most:
            raise InvalidArgument(path, f"has {len(entries)} entries, at most {most}")


def find_artist(directory: Directory, ref: pb.ArtistRef, field: str) -> int:
    """Row of the artist that ``ref`` names; ``field`` is its path in the request.

    Raises:
        InvalidArgument: the reference is empty or blank.
        NotFound: it is no artist of the generation; the error has suggestions for a name.
        AmbiguousName: several artists have the name.
    """
    try:
        return look_up_artist(directory, ref, field)
    except NotFound as error:
        suggestions = directory.suggest_artists(ref.name) if ref.WhichOneof("ref") == "name" else ()
        raise error.suggesting(suggestions) from error


def look_up_artist(directory: Directory, ref: pb.ArtistRef, field: str) -> int:
    """As :func:`find_artist`, without suggestions, which take milliseconds: for lists of many references."""
    with _within(field):
        match ref.WhichOneof("ref"):
            case "id":
                return directory.artist_by_id(_given("id", ref.id))
            case "external_id":
                foreign = ref.external_id
                namespace = _given("external_id.namespace", foreign.namespace)
                return directory.artist_by_external_id(namespace, _given("external_id.value", foreign.value))
            case "name":
                return directory.artist_by_name(ref.name)
    raise InvalidArgument(field, "names no artist; set id, external_id or name")


def find_artists(directory: Directory, refs: Sequence[pb.ArtistRef], field: str) -> tuple[int, ...]:
    """Rows of all ``refs``, in order. Raises as :func:`find_artist` does, at the first that cannot be found."""
    return tuple(find_artist(directory, ref, f"{field}[{number}]") for number, ref in enumerate(refs))


def find_track(directory: Directory, ref: pb.TrackRef, field: str) -> int:
    """Row of the track that ``ref`` names. Raises InvalidArgument, NotFound with suggestions, or AmbiguousName."""
    with _within(field):
        match ref.WhichOneof("ref"):
            case "id":
                return directory.track_by_id(_given("id", ref.id))
            case "name":
                return _find_named_track(directory, ref.name)
    raise InvalidArgument(field, "names no track; set id or name")


def _find_named_track(directory: Directory, name: pb.TrackName) -> int:
    """What is unknown may be the title, or the artist."""
    try:
        return directory.track_by_name(name.title, name.artist)
    except NotFound as error:
        if error.kind == "artist":
            raise error.suggesting(directory.suggest_artists(name.artist)) from error
        raise error.suggesting(directory.suggest_tracks(name.title, name.artist)) from error


def _given(field: str, text: str) -> str:
    if not text.strip():
        raise InvalidArgument(field, "is blank")
    return text


@contextmanager
def _within(field: str) -> Iterator[None]:
    """Name the fields of errors from the request's root: ``name`` becomes ``seeds[0].name``."""
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(f"{field}.{error.field}", error.problem) from error


def read_limit(limit: int) -> int:
    """How many to answer; 0 means 10. Raises InvalidArgument above 1000."""
    if limit > MAX_RESULTS:
        raise InvalidArgument("limit", f"is {limit}, at most {MAX_RESULTS}; ask for further pages instead")
    return limit or DEFAULT_LIMIT


def read_weights(request: Weighted, choices: WeightChoices) -> WeightProfile:
    """The weight profile a request asks for; the default of the generation when it asks for none.

    Raises:
        NotFound: no profile has the name.
        InvalidWeights: an unknown signal, one listed twice, or weights that make no sense.
    """
    match request.WhichOneof("weighting"):
        case "profile":
            return find_profile(request.profile, choices.named)
        case "weights":
            return choices.custom(_signal_weights(request.weights.weights))
    return choices.default


def _signal_weights(entries: Iterable[pb.SignalWeight]) -> dict[SignalName, float]:
    weights: dict[SignalName, float] = {}
    for place, entry in enumerate(entries):
        field = f"weights.weights[{place}].signal"
        signal = SIGNALS.get(entry.signal)
        if signal is None:
            raise InvalidWeights(field, f"{int(entry.signal)} is no signal; there is {', '.join(_names())}")
        if signal in weights:
            raise InvalidWeights(field, f"{signal.value} is listed twice")
        weights[signal] = entry.weight
    return weights


def _names() -> list[str]:
    return [pb.Signal.Name(number) for number in SIGNALS]


def read_listening(message: pb.Listening, space: Space) -> LayerMix:
    """The mix of layers of a request; the default of ``space`` when nothing is asked for.

    Raises:
        NotFound: no such layer or aspect.
        InvalidWeights: one listed twice, or weights that make no sense.
    """
    match message.WhichOneof("by"):
        case "layer":
            return layer_mix.by_layer(space, message.layer)
        case "aspect":
            return layer_mix.by_aspect(space, message.aspect)
        case "layer_mix":
            pairs = ((entry.layer, entry.weight) for entry in message.layer_mix.layers)
            return layer_mix.by_layers(space, _each_once(pairs, "listening.layer_mix.layers"))
        case "aspect_mix":
            pairs = ((entry.aspect, entry.weight) for entry in message.aspect_mix.aspects)
            return layer_mix.by_aspects(space, _each_once(pairs, "listening.aspect_mix.aspects"))
    return layer_mix.by_default(space)


def _each_once(pairs: Iterable[tuple[str, float]], field: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for place, (name, weight) in enumerate(pairs):
        if name in weights:
            raise InvalidWeights(f"{field}[{place}]", f"{name} is listed twice")
        weights[name] = weight
    return weights


def read_genres(message: pb.ArtistFilter | pb.TrackFilter) -> GenreFilter:
    """The genre conditions of a filter."""
    return GenreFilter(
        any_of=tuple(message.genres_any), all_of=tuple(message.genres_all), none_of=tuple(message.genres_none)
    )


def read_popularity(message: pb.ArtistFilter) -> PopularityBand:
    """The band of popularity a filter asks for. Raises InvalidArgument for a bound outside [0, 1]."""
    bounds = {
        field: float(getattr(message, field)) if message.HasField(field) else None
        for field in ("min_popularity", "max_popularity")
    }
    for field, bound in bounds.items():
        if bound is not None and not 0.0 <= bound <= 1.0:
            raise InvalidArgument(f"filter.{field}", f"is {bound}; a percentile lies within [0, 1]")
    return PopularityBand(least=bounds["min_popularity"], most=bounds["max_popularity"])


def read_vector(message: pb.SpaceVector, space: Space) -> Vectors:
    """The vector scaled to unit length, ``[dim]`` float32.

    Raises:
        SpaceMismatch: it is of another space.
        InvalidArgument: its length is not that of the space, or it is not finite, or has no direction.
    """
    if message.space != space.key:
        raise SpaceMismatch(space.key, message.space)
    values = np.array(message.values, dtype=np.float64)
    if len(values) != space.dim:
        raise InvalidArgument("vector.values", f"has {len(values)} values, the space has {space.dim}")
    norm = float(np.linalg.norm(values)) if np.isfinite(values).all() else math.nan
    if not MIN_NORM <= norm <= MAX_NORM:
        raise InvalidArgument("vector.values", f"has length {norm}; it must lie within [{MIN_NORM:g}, {MAX_NORM:g}]")
    return (values / norm).astype(np.float32)


def read_vector_listening(request: pb.SimilarTracksRequest, space: Space) -> LayerMix:
    """The layer of the vector. Raises NotFound for an unknown one, InvalidArgument when another is asked for."""
    mix = layer_mix.by_layer(space, request.vector.layer)
    if request.listening.WhichOneof("by") and read_listening(request.listening, space) != mix:
        raise InvalidArgument("listening", f"is not the layer of the vector, {request.vector.layer}; leave it unset")
    return mix
