"""Runs the encoder service: listens, reports its health, and ends on a signal or when its device is lost."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from indexer.audio.workers.pool import DecoderPool
from indexer.encoder_service.service import MAX_REQUEST_BYTES, NAME, EncoderService
from indexer.encoders.base import Encoder
from indexer.encoders.encode_batch import encode_each
from indexer.files.atomic import write_file
from pb import encoder_pb2_grpc as pb_grpc
from recommender.errors import Busy, InvalidArgument
from recommender.process_control import on_stop_signals

PREFIX = "soundkin-clips-"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder among the system's temporary files, removed after the block with all that is in it.

    A process that is killed cannot remove its folder. But each process has a lock on its folder, which ends with the
    process in any case, so the next process removes the folders of its user that are not locked.
    """
    _remove_abandoned()
    folder, lock = _make()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    """A new folder and the descriptor that locks it.

    Repeated when another process removed the folder before it was locked.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        try:
            shutil.rmtree(folder, ignore_errors=True)
            _log.info("removed %s, left by an encoder that was killed", folder)
        finally:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """A descriptor that locks ``folder``; None if it is no folder of this user, or another process has locked it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


DEFAULT_LISTEN = "127.0.0.1:7781"
"""This machine only."""
GRACE_S = 10.0
"""Seconds that requests may take to finish after a signal."""
WARM_UP_S = 10
"""Seconds of noise that are encoded before the first request."""
OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise a second encoder shares the port without an error
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES + (1 << 20)),
    ("grpc.max_send_message_length", 64 << 20),  # 32 clips of 25 layers of 1,024 numbers take 3 MB
)
_LOCAL = ("127.", "localhost:", "[::1]:")

_log = logging.getLogger(__name__)


class Health(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # untyped, and exported under another name
    """The health of the encoder by service name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where to listen, and how long to wait at the end."""

    listen: str = DEFAULT_LISTEN
    """``HOST:PORT``; port 0 is any free one."""
    port_file: Path | None = None
    """File that the port is written to once the encoder listens; removed when it stops."""
    grace_s: float = GRACE_S


def run(encoder: Encoder, pool: DecoderPool, settings: Settings) -> None:
    """Serve requests until SIGTERM or SIGINT. A second signal, at least a second later, ends it at once.

    Raises:
        Busy: another program has the port.
        InvalidArgument: the address cannot be listened on, or the port file cannot be written.
        EncoderLost, DecoderStartFailed: no clip can be encoded any more; the caller ends, to be started again.
    """
    warm_up(encoder)
    asyncio.run(_serve(encoder, pool, settings))


def warm_up(encoder: Encoder) -> None:
    """Encode some noise, so that no request waits for code to be compiled or loaded. Raises EncoderLost."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=WARM_UP_S * encoder.space.sample_rate_hz)
    encode_each(encoder, [noise.astype(np.float32)])


async def _serve(encoder: Encoder, pool: DecoderPool, settings: Settings) -> None:
    stopping = on_stop_signals()
    with scratch() as folder, ThreadPoolExecutor(1, thread_name_prefix="soundkin-encoder-service") as thread:
        service, health_service = EncoderService(encoder, pool, thread, folder), Health()
        server = _build(service, health_service)
        port = _listen(server, settings.listen)
        await health_service.set("", health_pb2.HealthCheckResponse.SERVING)
        await health_service.set(NAME, health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        try:
            _announce(settings, port, encoder.space.key)
            await _end(stopping, service)
        finally:
            if settings.port_file is not None:
                settings.port_file.unlink(missing_ok=True)
            await health_service.enter_graceful_shutdown()
            await server.stop(settings.grace_s)
    _log.info("stopped")


async def _end(stopping: asyncio.Event, service: EncoderService) -> None:
    """Return when a signal asks to stop. Raises the error that ended the encoder."""
    stopped = asyncio.create_task(stopping.wait())
    failed = asyncio.create_task(service.wait_for_failure())
    done, others = await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in done:
        task.result()


def _build(service: EncoderService, health_service: Health) -> grpc.aio.Server:
    server = grpc.aio.server(options=OPTIONS)
    pb_grpc.add_EncoderServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    return server


def _listen(server: grpc.aio.Server, address: str) -> int:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 1 << 16:  # grpc would take 65,536 for 0
        raise InvalidArgument("--listen", f"{address!r} is not HOST:PORT, such as {DEFAULT_LISTEN}")
    try:
        return server.add_insecure_port(address)
    except RuntimeError as error:
        if _is_taken(host.strip("[]"), int(port)):
            raise Busy(address, "another program (--listen takes another port)") from error
        raise InvalidArgument("--listen", f"cannot listen on {address}: it is no address of this machine") from error


def _is_taken(host: str, port: int) -> bool:
    """Whether another program listens there: grpc reports only that it could not listen."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    except UnicodeError:  # longer than any host name
        return False
    return False


def _announce(settings: Settings, port: int, space: str) -> None:
    host = settings.listen.rpartition(":")[0]
    if settings.port_file is not None:
        try:
            write_file(settings.port_file, [f"{port}\n".encode()])
        except OSError as error:
            problem = f"{settings.port_file} cannot be written ({error.strerror})"
            raise InvalidArgument("--port-file", problem) from error
    _log.info("encoding for space %s on %s:%d", space, host, port)
    if not settings.listen.startswith(_LOCAL):
        _log.warning("anyone who can reach %s may have audio decoded here: put a firewall before it", host)
