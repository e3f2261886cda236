"""The service: one short method an RPC, each a whole answer from one snapshot."""

# ruff: noqa: N802 - methods have the names of the contract
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, NoReturn, TypeAlias, TypeVar

from recommender.errors import NotSupported
from server import answers, rankings
from server.holder import Holder
from server.pb import soundkin_pb2 as pb
from server.pb import soundkin_pb2_grpc as pb_grpc
from server.tenancy import Snapshot

NAME: str = pb.DESCRIPTOR.services_by_name["SimilarityService"].full_name
"""``soundkin.v1.SimilarityService``."""

Context: TypeAlias = Any  # Any: grpc.aio's context; no method here touches it
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class SimilarityService(pb_grpc.SimilarityServiceServicer):
    """Answers from whatever ``holder`` holds when the request comes in. Errors go to the interceptor."""

    def __init__(self, holder: Holder, worker: Executor) -> None:
        self._holder = holder
        self._worker = worker

    async def _work(self, answer: Callable[[Snapshot, Request], Reply], request: Request) -> Reply:
        """On the worker thread, what walks over artists or tracks and would meanwhile hold up every other call.

        One track, the aspects and the index info are only looked up; they are answered where they are.
        """
        snapshot = await self._holder.snapshot()
        return await asyncio.get_running_loop().run_in_executor(self._worker, answer, snapshot, request)

    async def SimilarArtists(self, request: pb.SimilarArtistsRequest, context: Context) -> pb.SimilarArtistsResponse:
        return await self._work(rankings.similar_artists, request)

    async def CompareArtists(self, request: pb.CompareArtistsRequest, context: Context) -> pb.CompareArtistsResponse:
        return await self._work(answers.compare_artists, request)

    async def SimilarTracks(self, request: pb.SimilarTracksRequest, context: Context) -> pb.SimilarTracksResponse:
        return await self._work(answers.similar_tracks, request)

    async def ResolveArtists(self, request: pb.ResolveArtistsRequest, context: Context) -> pb.ResolveArtistsResponse:
        return await self._work(answers.resolve_artists, request)

    async def GetArtist(self, request: pb.GetArtistRequest, context: Context) -> pb.GetArtistResponse:
        return await self._work(answers.get_artist, request)

    async def GetTrack(self, request: pb.GetTrackRequest, context: Context) -> pb.GetTrackResponse:
        return answers.get_track(await self._holder.snapshot(), request)

    async def ListAspects(self, request: pb.ListAspectsRequest, context: Context) -> pb.ListAspectsResponse:
        return answers.list_aspects(await self._holder.snapshot(), request)

    async def GetIndexInfo(self, request: pb.GetIndexInfoRequest, context: Context) -> pb.GetIndexInfoResponse:
        return answers.get_index_info(await self._holder.snapshot(), request)

    async def BatchSimilarArtists(
        self, request: pb.BatchSimilarArtistsRequest, context: Context
    ) -> pb.BatchSimilarArtistsResponse:
        return await self._work(rankings.batch_similar_artists, request)

    async def RankArtists(self, request: pb.RankArtistsRequest, context: Context) -> pb.RankArtistsResponse:
        return await self._work(rankings.rank_artists, request)

    async def SimilarArtistsToAudio(
        self, requests: AsyncIterator[pb.SimilarArtistsToAudioRequest], context: Context
    ) -> NoReturn:
        raise NotSupported("SimilarArtistsToAudio")
