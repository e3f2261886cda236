"""Kill a run of the pipeline at random moments, start it again until it is done, and count what that cost.

Run as a program it is the run that gets killed: ``python -m benchmarks.pipeline_kills HOME SEAL_EVERY``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.pipeline_stub import HANDLER, LAYERS, SECONDS, StubEncoder, content_of, made_clip, path_of
from indexer import embed as embedding
from indexer.embed import EmbedOptions, embed
from indexer.shard import open_shard
from indexer.store import EmbeddingStore
from indexer.workers.pool import DecoderPool
from recommender.catalog import Catalog
from recommender.catalog.rows import NewClip
from recommender.catalog.writing import batches

WORKERS = 2
_ROOT = Path(__file__).resolve().parent.parent
_LONGEST_WAIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """What the store and the ledger hold after all the kills and a last run to the end."""

    kills: int
    missing: int
    """Clips without an embedding."""
    twice: int
    """Clips in two shards."""
    wrong: int
    """Clips whose embedding, in any layer, is not that clip's to the bit."""
    unmarked: int
    """Clips the ledger does not know to be done."""
    encoded_again: int
    """Clips encoded more than once, all kills together."""


def make_catalogue(home: Path, clips: int) -> None:
    """Enter ``clips`` clips, a hundred a track, in a new catalogue under ``home``."""
    with open_catalogue(home) as catalog, catalog.transaction():
        artist = catalog.find_or_add_artist("Noise")
        tracks = [catalog.find_or_add_track(artist, f"Window {number}") for number in range(-(-clips // 100))]
        for number in range(clips):
            catalog.add_clip(
                NewClip(
                    track_id=tracks[number // 100],
                    content_sha256=content_of(number),
                    start_ms=0,
                    length_ms=SECONDS * 1000,
                    policy="made",
                    source_path=path_of(number),
                )
            )


def open_catalogue(home: Path) -> Catalog:
    """The catalogue under ``home``."""
    return Catalog.open(f"sqlite:///{home / 'catalog.db'}")


def kill_and_resume(home: Path, clips: int, *, kills: int, seal_every: int, seed: int = 0) -> Survived:
    """Embed ``clips`` clips in a process that is killed ``kills`` times, each at a random moment of its work."""
    make_catalogue(home, clips)
    log = home / "encoded"
    log.touch()
    moments = random.Random(seed)
    for _ in range(kills):
        _kill_after(home, round(moments.uniform(1, clips / kills)), seal_every, pause_s=moments.uniform(0, 0.05))
    subprocess.run(_command(home, seal_every), cwd=_ROOT, check=True, timeout=_LONGEST_WAIT_S)
    return _count(home, clips, kills=kills, encoded=log.stat().st_size)


def _command(home: Path, seal_every: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.pipeline_kills", str(home), str(seal_every)]


def _kill_after(home: Path, clips: int, seal_every: int, *, pause_s: float) -> None:
    """Start a run and kill it ``pause_s`` after it has encoded ``clips`` more."""
    log = home / "encoded"
    until = log.stat().st_size + clips
    with subprocess.Popen(_command(home, seal_every), cwd=_ROOT) as running:
        latest = time.monotonic() + _LONGEST_WAIT_S
        while log.stat().st_size < until and running.poll() is None and time.monotonic() < latest:
            time.sleep(0.002)
        time.sleep(pause_s)
        ended = running.poll()
        running.kill()
    if ended is not None:
        raise RuntimeError(f"the run ended with status {ended} before it could be killed")


def _count(home: Path, clips: int, *, kills: int, encoded: int) -> Survived:
    store = EmbeddingStore(home, StubEncoder.space)
    with open_catalogue(home) as catalog:
        unmarked = len(catalog.pending_clips(store.space.key, retry_failed=True))
        path_by_clip = {clip.id: clip.source_path for clip in catalog.read_clips(sorted(store.clip_ids)).values()}
    shards = (open_shard(path, fingerprint=store.space.fingerprint) for path in store.folder.glob("*.shard"))
    seen = Counter(clip_id for shard in shards for clip_id in shard.clip_ids)
    return Survived(
        kills=kills,
        missing=clips - len(seen),
        twice=sum(times > 1 for times in seen.values()),
        wrong=_wrong(store, path_by_clip),
        unmarked=unmarked,
        encoded_again=encoded - clips,
    )


def _wrong(store: EmbeddingStore, path_by_clip: Mapping[str, str]) -> int:
    """How many of the clips have another embedding than the encoder gives their path."""
    found = 0
    for some in batches(list(path_by_clip.items()), 500):
        wanted = StubEncoder().encode([made_clip(path) for _, path in some])
        held = np.stack([store.layer(layer, [clip_id for clip_id, _ in some]) for layer in range(LAYERS)], axis=1)
        found += int((held != wanted).any(axis=(1, 2)).sum())
    return found


def main(arguments: Sequence[str]) -> None:
    """Embed whatever is left to do under a home, and leave a byte a clip in its file ``encoded``."""
    home = Path(arguments[0])
    embedding.SEAL_EVERY_CLIPS = int(arguments[1])
    log = os.open(home / "encoded", os.O_WRONLY | os.O_APPEND)
    encoder = StubEncoder(log)
    with open_catalogue(home) as catalog, DecoderPool(workers=WORKERS, handler=HANDLER) as pool:
        embed(catalog, EmbeddingStore(home, encoder.space), encoder, pool, options=EmbedOptions())


if __name__ == "__main__":
    main(sys.argv[1:])
