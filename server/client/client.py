"""A client of the server: one typed method for each RPC, which raises Soundkin's errors instead of status codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, SoundkinError, Suggestion, Unavailable
from server.address import DEFAULT_ADDRESS, parse_address
from server.interceptors import CODES, DOMAIN, reason

DEADLINE_S = 10.0
AUDIO_DEADLINE_S = 120.0
"""Clips are sent, decoded and encoded; a neural network on a CPU takes seconds for each."""
MAX_REPLY_BYTES = 8 << 20

_REASONS = {reason(kind): kind for kind in CODES}
_LOCAL = ("127.", "localhost:", "[::1]:")


class Client:
    """A connection to the server at ``address``; a context manager. Every method raises SoundkinError."""

    def __init__(self, address: str = DEFAULT_ADDRESS, *, deadline_s: float = DEADLINE_S) -> None:
        parse_address(address, option="--address")
        through_proxy = int(not address.startswith(_LOCAL))
        self._address = address
        self._deadline_s = deadline_s
        self._channel = grpc.insecure_channel(
            address,
            options=[("grpc.max_receive_message_length", MAX_REPLY_BYTES), ("grpc.enable_http_proxy", through_proxy)],
        )
        self._stub = pb_grpc.SimilarityServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def similar_artists(self, request: pb.SimilarArtistsRequest) -> pb.SimilarArtistsResponse:
        """Artists most like the seeds."""
        reply: pb.SimilarArtistsResponse = self._ask(self._stub.SimilarArtists, request)
        return reply

    def similar_artists_to_audio(
        self, options: pb.SimilarArtistsRequest, clips: Iterable[pb.AudioClip]
    ) -> pb.SimilarArtistsToAudioResponse:
        """Artists most like an act that is known only by ``clips``."""
        messages = chain(
            [pb.SimilarArtistsToAudioRequest(options=options)],
            (pb.SimilarArtistsToAudioRequest(clip=clip) for clip in clips),
        )
        reply: pb.SimilarArtistsToAudioResponse = self._ask(self._stub.SimilarArtistsToAudio, messages)
        return reply

    def rank_artists(self, request: pb.RankArtistsRequest) -> pb.RankArtistsResponse:
        """A line-up in order."""
        reply: pb.RankArtistsResponse = self._ask(self._stub.RankArtists, request)
        return reply

    def batch_rank_artists(self, request: pb.BatchRankArtistsRequest) -> pb.BatchRankArtistsResponse:
        """One line-up in order for each of many users."""
        reply: pb.BatchRankArtistsResponse = self._ask(self._stub.BatchRankArtists, request)
        return reply

    def batch_similar_artists(self, request: pb.BatchSimilarArtistsRequest) -> pb.BatchSimilarArtistsResponse:
        """Many rankings at once."""
        reply: pb.BatchSimilarArtistsResponse = self._ask(self._stub.BatchSimilarArtists, request)
        return reply

    def compare_artists(self, request: pb.CompareArtistsRequest) -> pb.CompareArtistsResponse:
        """One pair of artists."""
        reply: pb.CompareArtistsResponse = self._ask(self._stub.CompareArtists, request)
        return reply

    def similar_tracks(self, request: pb.SimilarTracksRequest) -> pb.SimilarTracksResponse:
        """Tracks like a seed."""
        reply: pb.SimilarTracksResponse = self._ask(self._stub.SimilarTracks, request)
        return reply

    def make_playlist(self, request: pb.MakePlaylistRequest) -> pb.MakePlaylistResponse:
        """Tracks to play."""
        reply: pb.MakePlaylistResponse = self._ask(self._stub.MakePlaylist, request)
        return reply

    def resolve_artists(self, request: pb.ResolveArtistsRequest) -> pb.ResolveArtistsResponse:
        """The artists that each reference means."""
        reply: pb.ResolveArtistsResponse = self._ask(self._stub.ResolveArtists, request)
        return reply

    def get_artist(self, request: pb.GetArtistRequest) -> pb.GetArtistResponse:
        """One artist."""
        reply: pb.GetArtistResponse = self._ask(self._stub.GetArtist, request)
        return reply

    def get_track(self, request: pb.GetTrackRequest) -> pb.GetTrackResponse:
        """One track."""
        reply: pb.GetTrackResponse = self._ask(self._stub.GetTrack, request)
        return reply

    def find_track(self, spellings: list[pb.TrackRef]) -> str:
        """Id of the track of the first of ``spellings`` that has a match.

        Raises NotFound when none has: the one with the likeliest suggestion, else the first.
        """
        missing: list[NotFound] = []
        for ref in spellings:
            try:
                return self.get_track(pb.GetTrackRequest(track=ref)).track.id
            except NotFound as error:
                missing.append(error)
        raise max(missing, key=lambda error: max((one.score for one in error.suggestions), default=0.0))

    def get_index_info(self) -> pb.GetIndexInfoResponse:
        """The generation, layers and signals of the server."""
        reply: pb.GetIndexInfoResponse = self._ask(self._stub.GetIndexInfo, pb.GetIndexInfoRequest())
        return reply

    def _ask(self, method: Callable[..., Any], request: Message | Iterator[Message]) -> Any:  # Any: an untyped stub
        try:
            return method(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            raise self._explained(error) from error

    def _explained(self, call: Any) -> SoundkinError:  # Any: an RpcError of a call that ended is also its Call
        status = _status_of(call)
        if status is not None:
            return read_status(status)
        match call.code():
            case grpc.StatusCode.UNAVAILABLE:
                return Unavailable(f"no server answers at {self._address}; start one with `soundkin serve`")
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return Unavailable(
                    f"{self._address} did not answer within {self._deadline_s:g} s; try again, or ask for less"
                )
            case grpc.StatusCode.UNIMPLEMENTED:
                return SoundkinError(f"the server at {self._address} is not this release of Soundkin")
        return SoundkinError(f"{self._address} answered {call.code().name}: {call.details()}")


def _status_of(call: Any) -> status_pb2.Status | None:  # Any: as above
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def read_status(status: status_pb2.Status) -> SoundkinError:
    """The error that a server's status stands for, with its data and the server's message."""
    info, violation, resource, likely = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.ResourceInfo(),
        pb.Suggestions(),
    )
    for detail in status.details:
        for message in (info, violation, resource, likely):
            detail.Unpack(message)
    kind = _REASONS.get(info.reason, SoundkinError) if info.domain == DOMAIN else SoundkinError
    error: SoundkinError
    if issubclass(kind, AmbiguousName):
        error = AmbiguousName(resource.resource_type, resource.resource_name, sorted(info.metadata.items()))
    elif issubclass(kind, NotFound):
        suggestions = map(_read_suggestion, likely.suggestions)
        error = NotFound(resource.resource_type, resource.resource_name, suggestions=tuple(suggestions))
    elif issubclass(kind, InvalidArgument):
        first = violation.field_violations[0] if violation.field_violations else None
        error = InvalidArgument(first.field if first else "request", first.description if first else "")
    elif issubclass(kind, Unavailable):
        error = Unavailable(status.message)
    else:
        error = SoundkinError(status.message)
    error.args = (status.message,)
    return error


def _read_suggestion(message: pb.Suggestion) -> Suggestion:
    return Suggestion(
        artist_id=message.artist.id,
        artist_name=message.artist.name,
        score=message.score,
        why=message.why,
        track_id=message.track.id,
        title=message.track.title,
    )
