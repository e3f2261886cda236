"""The RPC MakePlaylist: tracks to play, from artists and tracks, or from one track to another in steps."""

from __future__ import annotations

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from recommender.ranking import playlist
from recommender.ranking.playlist import PlaylistQuery
from server.reload.loaded_generation import Snapshot
from server.rpc import requests, responses
from server.rpc.requests import check_sizes, find_artists, find_track


def make_playlist(snapshot: Snapshot, request: pb.MakePlaylistRequest) -> pb.MakePlaylistResponse:
    """The list that a request asks for.

    Raises:
        InvalidArgument: it names nothing to start from, or a chain and seeds at the same time, or a chain that cannot
            be made.
        NotFound: an artist, track, layer or aspect is not in the generation.
        AmbiguousName: several have a name.
    """
    check_sizes(request)
    recommender = snapshot.recommender
    is_chain = _is_chain(request)
    directory, space = recommender.directory, recommender.generation.manifest.space
    query = PlaylistQuery(
        artists=find_artists(directory, request.artists, "artists"),
        tracks=tuple(find_track(directory, ref, f"tracks[{place}]") for place, ref in enumerate(request.tracks)),
        mix=requests.read_listening(request.listening, space),
        n=requests.read_limit(request.limit),
        max_per_artist=request.max_per_artist,
        genres=requests.read_genres(request.filter),
    )
    if is_chain:
        first = find_track(directory, request.first, "first")
        last = find_track(directory, request.last, "last")
        chosen = playlist.chain(recommender, query, first=first, last=last)
    else:
        chosen = playlist.playlist(recommender, query)
    vector_row = recommender.generation.contents.tracks.vector_row
    return pb.MakePlaylistResponse(
        generation=responses.generation(snapshot),
        tracks=[responses.scored_track(recommender, scored) for scored in chosen],
        not_indexed=[responses.track(recommender, row) for row in query.tracks if vector_row[row] < 0],
        artists_not_indexed=responses.not_indexed(recommender, query.artists),
    )


def _is_chain(request: pb.MakePlaylistRequest) -> bool:
    """Whether a chain is asked for. Raises InvalidArgument unless the request asks for exactly one thing."""
    ends = [name for name in ("first", "last") if request.HasField(name)]
    if len(ends) == 1:
        missing = "last" if ends == ["first"] else "first"
        raise InvalidArgument(missing, f"is unset; a chain needs both ends, and {ends[0]} is given")
    seeds = bool(request.artists or request.tracks)
    if seeds and ends:
        raise InvalidArgument("first", "cannot be combined with artists and tracks; ask for a chain or for a list")
    if not (seeds or ends):
        raise InvalidArgument("tracks", "is empty; give artists, tracks, or both ends of a chain")
    return bool(ends)
