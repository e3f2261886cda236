"""The service: one short method an RPC, each a whole answer from one snapshot."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, TypeAlias, TypeVar

from pb import soundkin_pb2 as pb
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.errors import EncoderMissing, Unavailable
from server.reload.generation_watcher import GenerationWatcher
from server.reload.loaded_generation import Snapshot
from server.rpc import artists, audio, lookups, tracks
from server.rpc.clip_stream import receive
from server.rpc.encoder_client import EncoderClient

NAME: str = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name
"""``soundkin.v1.SimilarityService``."""

HEARD_AT_ONCE = 4
"""Requests with audio whose clips are in memory; others wait before they are read, and their clients with them."""
MAX_WITH_CLIP = 8
"""Requests for tracks like a clip, those that wait included: they arrive whole, and wait in memory."""

Context: TypeAlias = Any  # Any: grpc.aio's context, which has no types for it
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class SimilarityService(pb_grpc.SimilarityServiceServicer):
    """Answers from whatever ``watcher`` holds when the request comes in. Errors go to the interceptor."""

    def __init__(self, watcher: GenerationWatcher, worker: Executor, encoder: EncoderClient | None) -> None:
        self._watcher = watcher
        self._worker = worker
        self._encoder = encoder
        self._hearing = asyncio.Semaphore(HEARD_AT_ONCE)
        self._with_clip = 0

    async def _work(self, answer: Callable[[Snapshot, Request], Reply], request: Request) -> Reply:
        """On the worker thread, what walks over artists or tracks and would meanwhile hold up every other call.

        One track, the aspects and the index info are only looked up; they are answered where they are.
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

    async def ResolveArtists(self, request: pb.ResolveArtistsRequest, context: Context) -> pb.ResolveArtistsResponse:
        return await self._work(lookups.resolve_artists, request)

    async def GetArtist(self, request: pb.GetArtistRequest, context: Context) -> pb.GetArtistResponse:
        return await self._work(lookups.get_artist, request)

    async def GetTrack(self, request: pb.GetTrackRequest, context: Context) -> pb.GetTrackResponse:
        return lookups.get_track(await self._watcher.snapshot(), request)

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

    async def SimilarArtistsToAudio(
        self, requests: AsyncIterator[pb.SimilarArtistsToAudioRequest], context: Context
    ) -> pb.SimilarArtistsToAudioResponse:
        encoder = self._encoder_at_hand()
        async with self._hearing:
            received = await receive(requests)
            asked = audio.read(await self._watcher.snapshot(), received)
            space = asked.snapshot.recommender.generation.manifest.space
            encoded = await encoder.encode(asked.received.clips, space, within_s=context.time_remaining())
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, audio.similar_to_audio, asked, encoded)

    async def _tracks_like_clip(self, request: pb.SimilarTracksRequest, context: Context) -> pb.SimilarTracksResponse:
        """Unlike a stream this one has its clip in memory while it waits, so only so many may."""
        encoder = self._encoder_at_hand()
        if self._with_clip >= MAX_WITH_CLIP:
            raise Unavailable(f"{MAX_WITH_CLIP} clips wait to be heard; ask again later")
        self._with_clip += 1
        try:
            async with self._hearing:
                asked = tracks.read(await self._watcher.snapshot(), request)
                space = asked.snapshot.recommender.generation.manifest.space
                encoded = await encoder.encode([asked.clip], space, within_s=context.time_remaining())
        finally:
            self._with_clip -= 1
        return await asyncio.get_running_loop().run_in_executor(self._worker, tracks.like_clip, asked, encoded)

    def _encoder_at_hand(self) -> EncoderClient:
        if self._encoder is None:
            raise EncoderMissing
        return self._encoder
