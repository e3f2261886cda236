"""Kills a run of the pipeline at random moments, restarts it until it is done, and counts lost and repeated work.

As a program this module is the run that is killed: ``python -m benchmarks.pipeline_kills HOME SEAL_EVERY``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.pipeline_stub import (
    HANDLER,
    LAYERS,
    NAME_BYTES,
    SECONDS,
    StubEncoder,
    content_of,
    made_clip,
    name_of,
    path_of,
)
from indexer.audio.workers.pool import DecoderPool
from indexer.embed.embed import EmbedOptions, embed
from indexer.maintain.repair import rebuild_ledger
from indexer.store.store import EMBEDDINGS, EmbeddingStore, open_shards
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistRef, MatchedArtist, NewClip
from recommender.catalog.upsert import batches
from recommender.names import clip_id

WORKERS = 2
LEDGER_LOST_EVERY = 9
"""The catalog is also deleted after every ninth kill. Every other time it is only scanned again, and the run finds the
sealed clips by itself; every other time ``verify --rebuild-ledger`` runs first."""
_ROOT = Path(__file__).resolve().parent.parent
_MAX_WAIT_S = 600.0
_START_S = 1.5
"""Time until a run starts to encode, roughly: a fifth of the kills fall into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """State of the store and the ledger after all kills and a last complete run."""

    kills: int
    ledgers_lost: int
    """Number of times the catalog was deleted."""
    missing: int
    """Clips without an embedding."""
    twice: int
    """Clips in two shards."""
    wrong: int
    """Clips whose embedding differs from the right one by any bit in any layer."""
    unmarked: int
    """Clips that the ledger does not have as done."""
    sealed_again: int
    """Clips that were encoded although they were in a shard."""
    encoded_again: int
    """Clips encoded more than once, over all kills."""
    most_again: int
    """Most clips that one kill lost: encoded by the run and in no shard after it."""
    left_running: int
    """Decoder processes still running ten seconds after their run."""


def make_catalog(home: Path, clips: int) -> None:
    """Add ``clips`` clips to a new catalog in ``home``."""
    with open_catalog(home) as catalog:
        enter_clips(catalog, clips)


def enter_clips(catalog: Catalog, clips: int) -> None:
    """Add ``clips`` clips, one hundred per track."""
    with catalog.transaction():
        (artist,) = catalog.find_or_add_artists([ArtistRef(name="Noise")])
        if not isinstance(artist, MatchedArtist):
            raise artist
        tracks = [catalog.find_or_add_track(artist.artist_id, f"Window {number}") for number in range(-(-clips // 100))]
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


def open_catalog(home: Path) -> Catalog:
    """Open the catalog in ``home``."""
    return Catalog.open(f"sqlite:///{home / 'catalog.db'}")


def kill_and_resume(home: Path, clips: int, *, kills: int, seal_every: int, seed: int = 0) -> KillReport:
    """Embed ``clips`` clips in a process that is killed ``kills`` times at random moments."""
    kill_test = _KillTest(home, clips, seal_every, random.Random(seed))
    for number in range(1, kills + 1):
        kill_test.kill_one(kills_left=kills + 1 - number)
        if number % LEDGER_LOST_EVERY == 0:
            kill_test.lose_the_ledger()
    return kill_test.finish(kills)


class _KillTest:
    """The runs so far, with what they encoded and sealed."""

    def __init__(self, home: Path, clips: int, seal_every: int, chance: random.Random) -> None:
        self._home = home
        self._clips = clips
        self._chance = chance
        self._command = [sys.executable, "-m", "benchmarks.pipeline_kills", str(home), str(seal_every)]
        self._log = home / "encoded"
        self._log.touch()
        self._numbers = {name_of(made_clip(path_of(number))): number for number in range(clips)}
        self._ledgers_lost = self._sealed_again = self._most_again = self._left_running = 0
        make_catalog(home, clips)

    def kill_one(self, *, kills_left: int) -> None:
        """Start a run and kill it at a random moment, early enough to leave clips for the other kills."""
        sealed = self._sealed()
        share = (self._clips - len(sealed)) / (kills_left + 3)
        starting = self._chance.random() < 0.2
        wanted = 0 if starting else round(self._chance.uniform(1, 1.8 * share))
        pause_s = self._chance.uniform(0, _START_S if starting else 0.05)
        self._take_stock(sealed, lambda: self._kill_after(wanted, pause_s))

    def lose_the_ledger(self) -> None:
        """Delete the catalog and scan again; every other time rebuild the ledger before anything else runs."""
        for path in self._home.glob("catalog.db*"):
            path.unlink()
        make_catalog(self._home, self._clips)
        self._ledgers_lost += 1
        if self._ledgers_lost % 2 == 0:
            with open_catalog(self._home) as catalog:
                rebuild_ledger(catalog, self._home)

    def finish(self, kills: int) -> KillReport:
        """Run to the end and count."""
        self._take_stock(self._sealed(), self._run_to_the_end)
        store = EmbeddingStore(self._home, StubEncoder.space)
        with open_catalog(self._home) as catalog:
            unmarked = len(catalog.pending_clips(store.space.key, retry_failed=True))
        shards = open_shards(store.folder, fingerprint=store.space.fingerprint)
        seen = Counter(clip_id for shard in shards for clip_id in shard.clip_ids)
        encoded = self._log.stat().st_size // NAME_BYTES
        return KillReport(
            kills=kills,
            ledgers_lost=self._ledgers_lost,
            missing=self._clips - len(seen),
            twice=sum(times > 1 for times in seen.values()),
            wrong=_wrong(store, self._clips),
            unmarked=unmarked,
            sealed_again=self._sealed_again,
            encoded_again=encoded - self._clips,
            most_again=self._most_again,
            left_running=self._left_running,
        )

    def _take_stock(self, sealed: Set[int], run: Callable[[], None]) -> None:
        before = self._log.stat().st_size
        run()
        names = self._log.read_bytes()[before:]
        encoded = [self._numbers[names[at : at + NAME_BYTES]] for at in range(0, len(names), NAME_BYTES)]
        self._sealed_again += len(sealed & set(encoded))
        self._most_again = max(self._most_again, len(encoded) - len(self._sealed() - sealed))

    def _sealed(self) -> frozenset[int]:
        """Numbers of the clips that are in a shard."""
        space = StubEncoder.space
        shards = open_shards(self._home / EMBEDDINGS / space.key, fingerprint=space.fingerprint)
        stored = {clip_id for shard in shards for clip_id in shard.clip_ids}
        return frozenset(number for number in range(self._clips) if id_of(number) in stored)

    def _run_to_the_end(self) -> None:
        subprocess.run(self._command, cwd=_ROOT, check=True, timeout=_MAX_WAIT_S)

    def _kill_after(self, clips: int, pause_s: float) -> None:
        """Start a run and kill it ``pause_s`` after it has encoded ``clips`` more."""
        until = self._log.stat().st_size + clips * NAME_BYTES
        with subprocess.Popen(self._command, cwd=_ROOT) as running:
            latest = time.monotonic() + _MAX_WAIT_S
            while self._log.stat().st_size < until and running.poll() is None and time.monotonic() < latest:
                time.sleep(0.002)
            time.sleep(pause_s)
            ended = running.poll()
            decoders = psutil.Process(running.pid).children(recursive=True) if ended is None else []
            running.kill()
        if ended is not None:
            raise RuntimeError(f"the run ended with status {ended} before it could be killed")
        self._left_running += len(psutil.wait_procs(decoders, timeout=10)[1])


def id_of(number: int) -> str:
    """Clip id of clip ``number``."""
    return clip_id(content_of(number), 0, SECONDS * 1000)


def _wrong(store: EmbeddingStore, clips: int) -> int:
    """Number of clips whose stored embedding differs from that of the encoder."""
    wrong = 0
    for some in batches(range(clips), 500):
        wanted = StubEncoder().encode([made_clip(path_of(number)) for number in some])
        stored = np.stack([store.layer(layer, [id_of(number) for number in some]) for layer in range(LAYERS)], axis=1)
        wrong += int((stored != wanted).any(axis=(1, 2)).sum())
    return wrong


def main(arguments: Sequence[str]) -> None:
    """Embed all clips of a home that are not embedded yet, and append the name of each to its file ``encoded``."""
    home = Path(arguments[0])
    log = os.open(home / "encoded", os.O_WRONLY | os.O_APPEND)
    encoder, options = StubEncoder(log), EmbedOptions(seal_every=int(arguments[1]))
    with open_catalog(home) as catalog, DecoderPool(workers=WORKERS, handler=HANDLER) as pool:
        embed(catalog, EmbeddingStore(home, encoder.space), encoder, pool, options=options)


if __name__ == "__main__":
    main(sys.argv[1:])
