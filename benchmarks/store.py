"""Cost of the embedding store: reading one layer of every clip, writing a shard, and finding clips.

A build reads one layer of everything. Sealed shards keep a layer of 256 clips together and check it. In the same run
the same vectors are read from one track-major .npy, mapped and unchecked, and the bytes of the layer alone from one
plain file, which is the floor. The page cache is dropped before every cold reading; that of a virtual disk's host is
not.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from indexer.files.atomic import write_file
from indexer.store.shard import Stored
from indexer.store.store import EmbeddingStore
from recommender.types import ClipEmbeddings, Layer, Space

CLIPS = 20_000
SHARD = 256
LAYERS, DIM = 13, 768
READ = (1, 6, 11)
"""Layers that are read, each once per round."""
ROUNDS = 5
FOUND = 100_000
"""Clips in the measurement of finding clips."""


def _space(layers: int, dim: int) -> Space:
    return Space(
        name="stored",
        revision="1",
        licence="own",
        layers=tuple(Layer(name=str(number)) for number in range(layers)),
        dim=dim,
        sample_rate_hz=24_000,
        preprocessing="made",
        default_mix={"0": 1.0},
    )


def _ids(clips: int) -> list[str]:
    """Random clip ids, sorted: `embed` and builds take clips in the order of their ids."""
    raw = np.random.default_rng(1).bytes(16 * clips).hex()
    return sorted(raw[at : at + 32] for at in range(0, len(raw), 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to store the vectors: its files, and a function that reads one layer of all clips."""

    name: str
    files: Sequence[Path]
    bytes_a_layer: int
    read: Callable[[int], object]
    cold_s: list[float] = field(default_factory=list)
    warm_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    """CPU time of warm readings: on a busy machine the only figure that does not depend on other programs."""

    def row(self) -> str:
        """The form's line of the table."""
        times = (self.cold_s, self.warm_s, self.cpu_s)
        rates = (sorted(self.bytes_a_layer / 1e6 / second for second in each) for each in times)
        cells = (f"{median(each):,.0f} ({each[0]:,.0f} to {each[-1]:,.0f})" for each in rates)
        return f"| {self.name} | {self.bytes_a_layer / 1e6:.0f} | " + " | ".join(cells) + " |"


@dataclass(slots=True, kw_only=True)
class _Appending:
    """Seconds to make shards durable, and to write the same bytes to one plain file each."""

    sealed_s: list[float] = field(default_factory=list)
    plain_s: list[float] = field(default_factory=list)


def _made(clips: int) -> Iterator[ClipEmbeddings]:
    """Random embeddings, one shard at a time."""
    random = np.random.default_rng(0)
    for start in range(0, clips, SHARD):
        size = min(SHARD, clips - start)
        yield random.standard_normal((size, LAYERS, DIM), dtype=np.float32)


def _fill(folder: Path, stored: Stored, ids: Sequence[str], appending: _Appending) -> EmbeddingStore:
    space = _space(LAYERS, DIM)
    store = EmbeddingStore(folder / stored.value, space, stored=stored)
    for number, embeddings in enumerate(_made(len(ids))):
        started = time.perf_counter()
        store.append(ids[number * SHARD : number * SHARD + len(embeddings)], embeddings, space=space)
        sealed = time.perf_counter()
        write_file(folder / "plain", [embeddings.astype(stored.dtype).tobytes()])
        appending.sealed_s.append(sealed - started)
        appending.plain_s.append(time.perf_counter() - sealed)
    return store


def _forms(folder: Path, stored: Stored, ids: Sequence[str], appending: _Appending) -> tuple[Form, ...]:
    store = _fill(folder, stored, ids, appending)
    size = len(ids) * DIM * stored.dtype.itemsize
    track_major, plain = folder / f"{stored.value}.npy", folder / f"{stored.value}.layer"
    np.save(track_major, np.concatenate([part.astype(stored.dtype) for part in _made(len(ids))]))
    plain.write_bytes(np.concatenate([part[:, 0] for part in _made(len(ids))]).astype(stored.dtype).tobytes())
    shards = sorted(store.folder.glob("*.shard"))
    return (
        Form(
            name=f"sealed shards, {stored.value}, checked, as float32",
            files=shards,
            bytes_a_layer=size,
            read=lambda layer: store.layer(layer, ids),
        ),
        Form(
            name=f"track-major .npy, {stored.value}, mapped, as float32",
            files=[track_major],
            bytes_a_layer=size,
            read=lambda layer: np.load(track_major, mmap_mode="r", allow_pickle=False)[:, layer].astype(np.float32),
        ),
        Form(name=f"plain file of it, {stored.value}", files=[plain], bytes_a_layer=size, read=lambda _: _cat(plain)),
    )


def _cat(path: Path) -> int:
    total = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(1 << 20):
            total += len(block)
    return total


def _drop(files: Sequence[Path]) -> None:
    """Drop ``files`` from the page cache."""
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def _measure(form: Form, layer: int) -> None:
    _drop(form.files)
    started = time.perf_counter()
    form.read(layer)
    cold, busy = time.perf_counter(), time.process_time()
    form.read(layer)
    form.cold_s.append(cold - started)
    form.warm_s.append(time.perf_counter() - cold)
    form.cpu_s.append(time.process_time() - busy)


def _finding_ms(folder: Path) -> tuple[float, float]:
    """CPU milliseconds to read a layer of tiny vectors of many clips, by id and shuffled: almost only finding clips."""
    space, ids = _space(1, 4), _ids(FOUND)
    store = EmbeddingStore(folder, space)
    for start in range(0, FOUND, 4096):
        some = ids[start : start + 4096]
        store.append(some, np.ones((len(some), 1, 4), dtype=np.float32), space=space)
    shuffled = list(np.random.default_rng(2).permutation(ids))
    return _cpu_ms(lambda: store.layer(0, ids)), _cpu_ms(lambda: store.layer(0, shuffled))


def _cpu_ms(run: Callable[[], object]) -> float:
    run()
    started = time.process_time()
    for _ in range(ROUNDS):
        run()
    return (time.process_time() - started) / ROUNDS * 1e3


def _table(forms: Sequence[Form]) -> str:
    head = ("| kept as | MB a layer | cold, MB/s | warm, MB/s | warm, MB a CPU second |", "|---|---|---|---|---|")
    return "\n".join([*head, *(form.row() for form in forms)])


def _notes(clips: int, appending: dict[Stored, _Appending], finding: tuple[float, float]) -> list[str]:
    notes = [
        f"{clips:,} clips of {LAYERS} x {DIM}; one layer of all of them at a time, layers {READ}, {ROUNDS} rounds, the "
        "forms in turns; median (lowest to highest). MB as on disk.",
        "The plain file is the floor: the bytes are read and dropped.",
    ]
    for stored, times_of in appending.items():
        size = SHARD * LAYERS * DIM * stored.dtype.itemsize / 1e6
        sealed, plain = (size / median(times) for times in (times_of.sealed_s, times_of.plain_s))
        notes.append(
            f"A shard of {SHARD} clips, {stored.value}, {size:.1f} MB, checked, summed, synced and renamed: "
            f"{sealed:,.0f} MB/s; the same bytes in a plain file, synced and renamed: {plain:,.0f} MB/s."
        )
    ordered, shuffled = finding
    notes.append(
        f"Finding {FOUND:,} clips in the store costs {ordered:.0f} ms of CPU time a layer in the order of their ids, "
        f"{shuffled:.0f} ms in any other."
    )
    return notes


def bars_of(forms: Sequence[Form]) -> list[Bar]:
    """Sealed shards give a cold layer at least as fast as a track-major file does, which has to be read whole."""
    names = {form.name: form for form in forms}
    bars = []
    for stored in Stored:
        sealed, plain = (
            median(names[f"{kind}, {stored.value}, {how}, as float32"].cold_s)
            for kind, how in (("sealed shards", "checked"), ("track-major .npy", "mapped"))
        )
        name = f"{stored.value}, cold: seconds of the track-major file over those of sealed shards"
        bars.append(Bar(name=name, value=plain / sealed, threshold=1))
    return bars


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the bars, write them where ``--json`` is given; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, metavar="N")
    add_json_option(parser)
    wanted = parser.parse_args(arguments)
    ids, appending = _ids(wanted.clips), {stored: _Appending() for stored in Stored}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forms = [form for stored in Stored for form in _forms(folder, stored, ids, appending[stored])]
        for layer in READ * ROUNDS:
            for form in forms:
                _measure(form, layer)
        finding = _finding_ms(folder / "finding")
    result = Measurement(
        title="Cost of the embedding store",
        command="python -m benchmarks.store",
        machine=machine("numpy"),
        table_markdown=_table(forms),
        notes=tuple(_notes(wanted.clips, appending, finding)),
        bars=tuple(bars_of(forms)),
    )
    publish(result, wanted.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
