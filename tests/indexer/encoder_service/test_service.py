"""The service around an encoder that misbehaves: gone for good, or slow while many wait."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest

from indexer.audio.workers.pool import DecoderPool
from indexer.encoder_service.serve import Settings, run
from indexer.encoder_service.service import MAX_WAITING
from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from recommender.errors import EncoderLost
from recommender.types import ClipEmbeddings, Waveform
from tests.encoder_process import channel_to, music
from tests.fakes import BandEncoder

Found = TypeVar("Found")


class _Lost(BandEncoder):
    """Warms up, and no more."""

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        if self.clips:
            raise EncoderLost("the device fell off the bus")
        return super().encode(clips)


class _Slow(BandEncoder):
    """Warms up, and waits for leave to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.leave = threading.Event(), threading.Event()

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        if self.clips:
            self.begun.set()
            assert self.leave.wait(30)
        return super().encode(clips)


def serve_until_lost(encoder: BandEncoder, folder: Path, use: Callable[[int], Found]) -> Found:
    """Serve ``encoder`` in this thread until it is lost, while another uses the port; what that found."""
    port_file = folder / "port"

    def using() -> Found:
        deadline = time.monotonic() + 30
        while not port_file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return use(int(port_file.read_text()))

    with ThreadPoolExecutor(1) as thread, DecoderPool(workers=1) as pool:
        found = thread.submit(using)
        with pytest.raises(EncoderLost):
            run(encoder, pool, Settings(listen="127.0.0.1:0", port_file=port_file))
        assert not port_file.exists()
        return found.result(30)


def ask(channel: grpc.Channel) -> Any:  # Any: as above
    request = pb.EncodeRequest(clips=[pb.ClipToEncode(file=music("folk", 1))])
    return pb_grpc.EncoderServiceStub(channel).Encode.future(request)


def ended(future: Any) -> str:  # Any: its stubs know neither timeouts nor that an RpcError is also a Call
    error = future.exception(30)
    return "OK" if error is None else f"{error.code().name} {error.details()}"


def test_an_encoder_that_is_lost_says_so_and_ends_the_program(tmp_path: Path) -> None:
    def use(port: int) -> str:
        with channel_to(port) as channel:
            return ended(ask(channel))

    assert serve_until_lost(_Lost(), tmp_path, use).startswith("UNAVAILABLE the encoder cannot continue: the device")


def test_so_many_requests_wait_and_the_next_is_sent_away(tmp_path: Path) -> None:
    class Encoder(_Slow):
        def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
            vectors = super().encode(clips)
            if self.clips > MAX_WAITING + 1:
                raise EncoderLost("the test is over")
            return vectors

    encoder = Encoder()

    def use(port: int) -> list[str]:
        with channel_to(port) as channel:
            sent = [ask(channel) for _ in range(MAX_WAITING + 1)]
            ends = queue.Queue[Any]()  # Any: as above
            for future in sent:
                future.add_done_callback(ends.put)
            sent_away = ended(ends.get(timeout=30))  # the first to end: the encoder waits for leave
            encoder.leave.set()
            return [sent_away, *sorted(map(ended, sent)), ended(ask(channel))]

    sent_away, *waited, once_more, last = serve_until_lost(encoder, tmp_path, use)
    assert sent_away == once_more == f"RESOURCE_EXHAUSTED {MAX_WAITING} requests wait; ask again later"
    assert waited == ["OK"] * MAX_WAITING
    assert "the test is over" in last
