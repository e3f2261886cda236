"""A program that reads the served generation over and over, as a server does, while others publish and collect.

``python -m tests.faults.reading HOME`` runs until its standard input closes, then prints one JSON line.
"""

from __future__ import annotations

import json
import select
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from recommender.errors import GenerationCorrupt
from recommender.generation.lease import Lease
from recommender.generation.open_generation import VERSIONS, Generation, folder_name, open_generation, read_current


def main(home: Path) -> None:
    """Open, read and let go until told to stop."""
    counts: Counter[str] = Counter()
    seen: set[int] = set()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        version = _read_once(home, counts)
        seen.add(version)
    sys.stdout.write(json.dumps({**counts, "versions": len(seen - {0})}) + "\n")


def _read_once(home: Path, counts: Counter[str]) -> int:
    """The version that was read; 0 when it was collected between the look at CURRENT and the lease."""
    pointer = read_current(home)
    if pointer is None:
        raise SystemExit("nothing is published")
    folder = home / VERSIONS / folder_name(pointer.version)
    try:
        lease = Lease.take(folder)
    except GenerationCorrupt:
        moved_on = read_current(home) != pointer
        counts["too late" if moved_on else "errors"] += 1
        return 0
    with lease:
        counts["opened"] += 1
        counts["errors"] += not _is_whole(open_generation(folder), pointer.version)
        return pointer.version


def _is_whole(generation: Generation, version: int) -> bool:
    """Every page of every index is there and holds unit vectors; a page that is not there ends the process."""
    lengths = [
        np.linalg.norm(index.vectors(np.arange(index.size)), axis=1)
        for index in (*generation.tracks.values(), *generation.artists.values())
    ]
    return generation.manifest.version == version and all(np.allclose(each, 1, atol=1e-3) for each in lengths)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
