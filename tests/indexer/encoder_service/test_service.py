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
import numpy as np
import pytest

from indexer.audio.decode import MIN_DURATION_S
from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoder_service.serve import Settings, run
from indexer.encoder_service.service import MAX_WAITING, encode_files
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from indexer.ingest.scan import scan
from indexer.store.store import EmbeddingStore
from pb import encoder_pb2 as pb
from pb import encoder_pb2_grpc as pb_grpc
from recommender.catalog import Catalog
from recommender.errors import BadInput, EncoderLost
from recommender.types import ClipEmbeddings, Waveform
from tests.encoder_process import channel_to, music
from tests.fakes import RATE_HZ, BandEncoder
from tests.indexer.audio.written_audio import melody, tone, write

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files as clients have them: two formats, one rate unlike another, one longer than a clip."""
    made = tmp_path_factory.mktemp("music")
    (made / "A - One.wav").write_bytes(music("folk", 1))
    (made / "A - Two.wav").write_bytes(music("techno", 2))
    write(made / "B - Three.flac", melody(40.0, rate_hz=22_050), rate_hz=22_050)
    write(made / "B - Four.m4a", melody(7.0, seed=4))
    return made


def test_the_vectors_are_those_of_embed_to_the_bit(folder: Path, tmp_path: Path) -> None:
    encoder = DescriptorEncoder()
    store = EmbeddingStore(tmp_path, encoder.space)
    with Catalog.open(tmp_path / "catalog.db") as catalog, DecoderPool(workers=1) as pool:
        scan(catalog, folder, pool=pool, progress=lambda done, total: None)
        embed(catalog, store, encoder, pool, options=EmbedOptions())
        clips = catalog.pending_clips("another space", retry_failed=True)
        files = [Path(clip.source_path) for clip in clips]
        encoded = encode_files(pool, encoder, [file.read_bytes() for file in files], tmp_path)
    assert len(files) == 4
    for clip, vectors in zip(clips, encoded, strict=True):
        assert isinstance(vectors, np.ndarray)
        stored = np.concatenate([store.layer(layer, [clip.clip_id]) for layer in range(len(encoder.space.layers))])
        assert vectors.dtype == stored.dtype == np.float32
        assert vectors.tobytes() == stored.tobytes()


def test_each_bad_file_says_its_reason_and_the_good_ones_between_are_heard(folder: Path, tmp_path: Path) -> None:
    good = (folder / "A - One.wav").read_bytes()
    short = write(folder / "short.wav", melody(MIN_DURATION_S - 1))
    silent = write(folder / "silent.wav", 0.0 * tone(440.0, 6.0))
    cut = (folder / "B - Three.flac").read_bytes()[:40_000]
    files = [b"", good, b"not music at all", short.read_bytes(), cut, silent.read_bytes(), good]
    with DecoderPool(workers=2) as pool:
        encoded = encode_files(pool, BandEncoder(), files, tmp_path)
    reasons = [one.reason if isinstance(one, BadInput) else "" for one in encoded]
    assert reasons == ["not_audio", "", "not_audio", "too_short", "truncated", "silent", ""]
    assert np.array_equal(np.asarray(encoded[1]), np.asarray(encoded[6]))


def test_a_clip_that_kills_its_decoder_costs_itself_alone(tmp_path: Path) -> None:
    good = music("folk", 1)
    with DecoderPool(
        workers=1, handler="tests.indexer.audio.workers.decoder_handlers:crash_on_content", timeout_s=20
    ) as pool:
        encoded = encode_files(pool, BandEncoder(), [good, b"CRASH", good], tmp_path)
    assert [isinstance(one, BadInput) and one.reason for one in encoded] == [False, "decoder_crashed", False]


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    with DecoderPool(workers=1) as pool:
        encode_files(pool, BandEncoder(), [music("folk", 1), b"junk"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_clips_give_nothing(tmp_path: Path) -> None:
    with DecoderPool(workers=1) as pool:
        assert encode_files(pool, BandEncoder(), [], tmp_path) == []


def test_the_rate_is_that_of_the_encoder(tmp_path: Path) -> None:
    assert BandEncoder.space.sample_rate_hz == RATE_HZ
    with DecoderPool(workers=1) as pool:
        (encoded,) = encode_files(pool, BandEncoder(), [music("folk", 1)], tmp_path)
    assert np.asarray(encoded).shape == (2, 8)
