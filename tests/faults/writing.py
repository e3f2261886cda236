"""A program that does one thing to a home, so that another can watch or break the system calls it makes.

``python -m tests.faults.writing HOME publish|build|seal|collect|next``
"""

from __future__ import annotations

import sys
from pathlib import Path

from recommender.errors import InvalidArgument, SoundkinError
from tests.faults.crashing import SCENARIOS, finish_build, finish_publish, finish_seal, look

FINISHES = {"publish": finish_publish, "build": finish_build, "seal": finish_seal}
BEGIN = ".begin"
"""A folder that is made, and removed, as the first thing: system calls before it are the interpreter's."""


def main(home: Path, what: str) -> None:
    """Do it; a refusal of ours or of the system is status 1."""
    if what.startswith("finish-"):
        print(look(home), "|", FINISHES[what.removeprefix("finish-")](home))
        return
    (home / BEGIN).mkdir()
    (home / BEGIN).rmdir()
    try:
        SCENARIOS[what].act(home)
    except (OSError, SoundkinError, InvalidArgument) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
