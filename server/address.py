"""Addresses to listen on: parses HOST:PORT, tells whether other machines can reach it, and checks that it is free."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import Busy, InvalidArgument

DEFAULT_ADDRESS = "127.0.0.1:50051"
"""Default of the server and its clients. Only this machine can reach it."""

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address to listen on. Port 0 means any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Only programs on this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str, *, option: str = "listen") -> Address:
    """Read ``HOST:PORT`` or ``[IPV6]:PORT``, given by ``option``. Raises InvalidArgument.

    >>> parse_address("127.0.0.1:50051").port, str(parse_address("[::1]:0"))
    (50051, '[::1]:0')
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) >= 1 << 16:
        raise InvalidArgument(option, f"{text!r} is not HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051")
    return Address(host=match["ipv6"] or match["host"], port=int(match["port"]))


def check_free(address: Address, *, option: str = "--listen") -> None:
    """Check that the server can listen on ``address``, which was given by ``option``. grpc would not say why it cannot.

    Raises:
        Busy: another program listens there.
        InvalidArgument: it is not an address of this machine, or not permitted.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Busy(str(address), f"another program ({option} takes another port)") from error
        raise InvalidArgument(option, f"cannot listen on {address}: {error.strerror}") from error


def write_port(path: Path, port: int) -> None:
    """Write ``port`` to ``path`` atomically, so that a program that waits for the file never reads half of it.

    Raises InvalidArgument when it cannot be written there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(f"{port}\n")
        fresh.replace(path)
    except OSError as error:
        raise InvalidArgument("port_file", f"{path} cannot be written ({error.strerror})") from error
