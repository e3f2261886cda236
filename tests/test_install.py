"""What is installed: the base and FAISS serve a generation, without SQL, decoders or a network; the rest are extras."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import soundkin
from recommender.extras import EXTRAS
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, write_generation
from tests.fresh import build_wheel, make_environment

NOT_FOR_SERVING = (
    *("alembic", "psycopg", "sqlalchemy"),
    *("av", "librosa", "mutagen", "numba", "sklearn", "soundfile", "soxr"),
    *("huggingface_hub", "safetensors", "torch", "transformers"),
    *("ir_measures", "jinja2", "matplotlib", "pytest"),
)
START_S = 120
"""How long any program may take: a bound for a busy machine."""

LOW = MadeTrack(id="t1", title="Lullaby", vectors={"low": (1, 0), "high": (1, 0)})
MIMI = MadeTrack(id="t2", title="Laser Beam", vectors={"low": (3, 4), "high": (0, 1)})
MADE = MadeCatalog(
    artists=(MadeArtist(id="a", name="Low", tracks=(LOW,)), MadeArtist(id="b", name="Mimi", tracks=(MIMI,)))
)

BROUGHT_LATER = {
    "demo": (),
    "scan": ("MUSIC",),
    "import": ("forget", "someone"),
    "catalog": ("edits",),
    "problems": (),
    "embed": (),
    "cost": ("--tracks=1", "--rate=1"),
    "build": (),
    "publish": (),
    "rollback": (),
    "nightly": ("--config", "NIGHTLY"),
    "verify": ("--quarantine",),
    "evaluate": ("TRUTH",),
    "report": ("RUN",),
    "interleave": ("draft", "X", "--b", "seed", "--log", "LOG"),
    "encoder": ("list",),
}
"""Command that needs an extra -> its arguments; a word in capitals stands for a file or folder of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An environment, a published home, and a folder to work in that holds nothing of ours."""

    python: Path
    home: Path
    elsewhere: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """``soundkin`` with ``words``, as its script would run it, with no variable of whoever runs the tests."""
        program = "import sys; sys.argv[0] = 'soundkin'; from soundkin import main; sys.exit(main())"
        return self.run_code(program, *words)

    def run_code(self, code: str, *words: str) -> subprocess.Popen[str]:
        """The environment's Python on ``code``."""
        return subprocess.Popen(
            [self.python, "-P", "-c", code, *words],
            cwd=self.elsewhere,
            env={"SOUNDKIN_HOME": str(self.home), "HOME": str(self.elsewhere), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def soundkin(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout and stderr of ``soundkin`` with ``words``."""
        (answer,) = self.at_once([words])
        return answer

    def at_once(self, commands: Iterable[tuple[str, ...]]) -> list[tuple[int, str, str]]:
        """The same of each of ``commands``, which run side by side."""
        with ExitStack() as stack:
            running = [stack.enter_context(self.start(*words)) for words in commands]
            said = [process.communicate(timeout=START_S) for process in running]
        return [(process.returncode, *texts) for process, texts in zip(running, said, strict=True)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """What ``pip install .[cpu]`` gives."""
    pytest.importorskip("setuptools", minversion="77", reason="building needs the setuptools that `make test` installs")
    if "faiss-cpu" not in packages_distributions().get("faiss", ()):
        pytest.skip("the extra cpu is not installed here")
    folder = tmp_path_factory.mktemp("install")
    (folder / "wheel").mkdir()
    python = make_environment(folder / "environment", build_wheel(folder / "wheel"), extras=["cpu"])
    (folder / "elsewhere" / "MUSIC").mkdir(parents=True)
    for file in ("TRUTH", "RUN"):
        (folder / "elsewhere" / file).touch()
    (folder / "elsewhere" / "NIGHTLY").write_text("[[scan]]\nfolder = 'MUSIC'\n")
    write_generation(folder / "home", MADE)
    return Installed(python=python, home=folder / "home", elsewhere=folder / "elsewhere")


@contextmanager
def serving(installed: Installed) -> Iterator[str]:
    """The address of ``soundkin serve`` on the home."""
    port_file = installed.elsewhere / "port"
    with installed.start("serve", "--listen=127.0.0.1:0", f"--port-file={port_file}", "--lame-duck=0") as server:
        try:
            deadline = time.monotonic() + START_S
            while not port_file.exists():
                assert server.poll() is None, server.communicate()[1]
                assert time.monotonic() < deadline, "no port file"
                time.sleep(0.02)
            yield f"127.0.0.1:{port_file.read_text().strip()}"
        finally:
            server.terminate()
            server.communicate(timeout=START_S)


def test_nothing_is_installed_that_a_server_does_without(installed: Installed) -> None:
    code = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"
    with installed.run_code(code, *NOT_FOR_SERVING, "faiss", "server") as process:
        out, _ = process.communicate(timeout=START_S)
    assert out.split() == ["faiss", "server"]


def test_the_base_serves_a_generation_and_answers_questions(installed: Installed) -> None:
    questions = (("similar", "Low"), ("tracks", "Low - Lullaby"), ("doctor",))
    with serving(installed) as address:
        answers = installed.at_once((*question, "--address", address) for question in questions)
    assert [(status, err) for status, _, err in answers] == [(0, "")] * len(questions)
    assert ["Mimi" in out for _, out, _ in answers[:2]] == [True] * 2
    assert "ok   server: answers from generation v1, 2 artists" in answers[-1][1]


def test_the_base_has_help_for_every_command(installed: Installed) -> None:
    status, out, err = installed.soundkin("--help")
    assert (status, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines() if line.startswith("  ")} >= {*soundkin.COMMANDS}


def test_the_doctor_of_the_base_says_which_extras_are_missing_and_how_to_get_them(installed: Installed) -> None:
    status, out, err = installed.soundkin("doctor", "--address", "127.0.0.1:1")
    assert (status, err) == (0, ""), out
    said = dict(line[5:].split(": ", 1) for line in out.splitlines())
    for extra in EXTRAS.keys() - {"cpu", "gpu"}:
        assert f"--   extra {extra}: " in out
        assert said[f"extra {extra}"].endswith(f" need it: pip install 'soundkin[{extra}]'")
    assert "--   server: no server answers at 127.0.0.1:1" in out
    assert "ok   generation: v1 of made" in out
    assert "soundkin encoder fetch mert-v1-95m" in said["weights of mert-v1-95m"]


def test_every_command_that_needs_an_extra_says_in_one_line_which(installed: Installed) -> None:
    assert BROUGHT_LATER.keys() == soundkin.NEEDS.keys()
    answers = installed.at_once((name, *words) for name, words in BROUGHT_LATER.items())
    for name, (status, out, err) in zip(BROUGHT_LATER, answers, strict=True):
        extra = soundkin.NEEDS[name]
        start, end = f"soundkin: `soundkin {name}` needs the {extra} extra (", f"): pip install 'soundkin[{extra}]'\n"
        assert (status, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith(start), err
        assert err.endswith(end), err
