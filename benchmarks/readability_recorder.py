"""Runs a ``soundkin`` command and records which file calls which, for readability_trace.

Started as a file, ``python -P readability_recorder.py TREE WORDS...``, with TREE first on PYTHONPATH, because TREE
may not have this folder. On standard input, ``start`` begins a recording; ``stop`` ends it and prints it as one line
of JSON. Standard library only, and no thread may start before the profilers are set.
"""

from __future__ import annotations

import json
import sys
import threading
import tomllib
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TypeAlias

Call: TypeAlias = tuple[str, str, str]
"""Thread, file of the caller ("" when it is none of the project's), file of the callee."""

GENERATED = ("_pb2.py", "_pb2_grpc.py")


class Recorder:
    """Calls of the functions of one tree, in every thread started after :meth:`install`."""

    def __init__(self, tree: Path) -> None:
        self._prefix = f"{tree}/"
        self._files: dict[str, str] = {}
        self._calls: list[Call] | None = None

    def install(self) -> None:
        """Set the profiler for this thread and all later ones."""
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)

    def start(self) -> None:
        """Start a new recording."""
        self._calls = []

    def stop(self) -> list[Call]:
        """End the recording and return its calls."""
        calls, self._calls = self._calls, None
        return calls or []

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        """Record a call, or the resumption of a generator or coroutine: Python reports both in the same way."""
        calls = self._calls
        if event != "call" or calls is None:
            return
        callee = self.file(frame.f_code.co_filename)
        if callee:
            caller = self.file(frame.f_back.f_code.co_filename) if frame.f_back else ""
            calls.append((threading.current_thread().name, caller, callee))

    def file(self, name: str) -> str:
        """The file relative to the tree; "" when it is elsewhere, hidden or generated."""
        if name not in self._files:
            inside = name.removeprefix(self._prefix) if name.startswith(self._prefix) else ""
            ours = not inside.startswith(".") and not inside.endswith(GENERATED)
            self._files[name] = inside if ours else ""
        return self._files[name]


def read_commands(recorder: Recorder) -> None:
    """Start and stop recordings as standard input asks, until it ends."""
    for line in sys.stdin:
        if line.strip() == "start":
            recorder.start()
            print("started", flush=True)
        else:
            print(json.dumps(recorder.stop()), flush=True)


def _forget_installed() -> None:
    """Remove the import finder of an editable installation, which would import from another checkout."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")
    ]


def main() -> None:
    """Run the command line of the tree like its console script, with a recorder."""
    tree = Path(sys.argv[1])
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = str(project["scripts"]["soundkin"]).partition(":")
    sys.argv = ["soundkin", *sys.argv[2:]]
    recorder = Recorder(tree)
    threading.Thread(target=read_commands, args=(recorder,), daemon=True).start()
    recorder.install()
    _forget_installed()
    front_door = import_module(module)
    if not Path(str(front_door.__file__)).is_relative_to(tree):
        sys.exit(f"{front_door.__file__} is not in {tree}")
    getattr(front_door, function)()


if __name__ == "__main__":
    main()
