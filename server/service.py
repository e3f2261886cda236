"""The gRPC service: one short method an RPC, each answered from one snapshot of one generation."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeAlias, TypeVar

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import EncoderMissing, Unavailable
from server.reload.generation_watcher import GenerationWatcher
from server.reload.loaded_generation import Snapshot
from server.rpc import artists, audio, lookups, playlist, rank_batch, tracks
from server.rpc.clip_stream import receive
from server.rpc.encoder_client import EncoderClient

NAME: str = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name
"""``soundkin.v1.SimilarityService``."""

MAX_AUDIO_REQUESTS = 4
"""Requests whose clips are read and encoded at the same time; others wait, and nothing of their stream is read."""
MAX_CLIP_REQUESTS = 8
"""Requests for tracks like a clip, waiting ones included: such a request arrives whole, and waits in memory."""

Context: TypeAlias = Any  # Any: grpc.aio's context, which has no types for it
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class SimilarityService(pb_grpc.SimilarityServiceServicer):
    """Answers from the generation that ``watcher`` has when the request arrives. The interceptor handles errors."""

    def __init__(self, watcher: GenerationWatcher, worker: Executor, encoder: EncoderClient | None) -> None:
        self._watcher = watcher
        self._worker = worker
        self._encoder = encoder
        self._audio_slots = asyncio.Semaphore(MAX_AUDIO_REQUESTS)
        self._clip_requests = 0

    async def _work(self, answer: Callable[[Snapshot, Request], Reply], request: Request) -> Reply:
        """Answer on the worker thread: a ranking would block the event loop, and so every other call.

        ListAspects and GetIndexInfo only look things up; they are answered in the event loop.
        """
        snapshot = await self._watcher.snapshot()
        return await asyncio.get_running_loop().run_in_executor(self._worker, answer, snapshot, request)

    async def SimilarArtists(self, request: pb.SimilarArtistsRequest, context: Context) -> pb.SimilarArtistsResponse:
        return await self._work(artists.similar_artists, request)

    async def CompareArtists(self, request: pb.CompareArtistsRequest, context: Context) -> pb.CompareArtistsResponse:
        return await self._work(lookups.compare_artists, request)

    async def SimilarTracks(self, request: pb.SimilarTracksRequest, context: Context) -> pb.SimilarTracksResponse:
        if request.WhichOneof("seed") == "clip":
            return await self._tracks_like_clip(request, context)
        return await self._work(tracks.similar_tracks, request)

    async def MakePlaylist(self, request: pb.MakePlaylistRequest, context: Context) -> pb.MakePlaylistResponse:
        return await self._work(playlist.make_playlist, request)

    async def ResolveArtists(self, request: pb.ResolveArtistsRequest, context: Context) -> pb.ResolveArtistsResponse:
        return await self._work(lookups.resolve_artists, request)

    async def GetArtist(self, request: pb.GetArtistRequest, context: Context) -> pb.GetArtistResponse:
        return await self._work(lookups.get_artist, request)

    async def GetTrack(self, request: pb.GetTrackRequest, context: Context) -> pb.GetTrackResponse:
        return await self._work(lookups.get_track, request)

    async def ListAspects(self, request: pb.ListAspectsRequest, context: Context) -> pb.ListAspectsResponse:
        return lookups.list_aspects(await self._watcher.snapshot(), request)

    async def GetIndexInfo(self, request: pb.GetIndexInfoRequest, context: Context) -> pb.GetIndexInfoResponse:
        return lookups.get_index_info(await self._watcher.snapshot(), request)

    async def BatchSimilarArtists(
        self, request: pb.BatchSimilarArtistsRequest, context: Context
    ) -> pb.BatchSimilarArtistsResponse:
        return await self._work(artists.batch_similar_artists, request)

    async def RankArtists(self, request: pb.RankArtistsRequest, context: Context) -> pb.RankArtistsResponse:
        return await self._work(artists.rank_artists, request)

    async def BatchRankArtists(
        self, request: pb.BatchRankArtistsRequest, context: Context
    ) -> pb.BatchRankArtistsResponse:
        given_up = threading.Event()
        try:
            return await self._work(partial(rank_batch.batch_rank_artists, given_up=given_up), request)
        finally:
            given_up.set()  # this call is cancelled when the client goes or its deadline is over

    async def SimilarArtistsToAudio(
        self, requests: AsyncIterator[pb.SimilarArtistsToAudioRequest], context: Context
    ) -> pb.SimilarArtistsToAudioResponse:
        encoder = self._require_encoder()
        async with self._audio_slots:
            received = await receive(requests)
            request = audio.read(await self._watcher.snapshot(), received)
            space = request.snapshot.recommender.generation.manifest.space
            encoded = await encoder.encode(received.clips, space, within_s=context.time_remaining())
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, audio.similar_to_audio, request, encoded)

    async def _tracks_like_clip(self, request: pb.SimilarTracksRequest, context: Context) -> pb.SimilarTracksResponse:
        """Unlike a stream, this request has its clip in memory while it waits, so the number of them is limited."""
        encoder = self._require_encoder()
        if self._clip_requests >= MAX_CLIP_REQUESTS:
            raise Unavailable(f"{MAX_CLIP_REQUESTS} clips wait to be encoded; ask again later")
        self._clip_requests += 1
        try:
            async with self._audio_slots:
                query = tracks.read(await self._watcher.snapshot(), request)
                space = query.snapshot.recommender.generation.manifest.space
                encoded = await encoder.encode([query.clip], space, within_s=context.time_remaining())
        finally:
            self._clip_requests -= 1
        return await asyncio.get_running_loop().run_in_executor(self._worker, tracks.like_clip, query, encoded)

    def _require_encoder(self) -> EncoderClient:
        if self._encoder is None:
            raise EncoderMissing
        return self._encoder
