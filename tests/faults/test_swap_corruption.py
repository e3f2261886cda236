"""A bit turned in any file of what is published, under traffic: rejected and counted, and the old one answers."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pb import soundkin_pb2 as pb
from recommender.generation.lease import LEASE
from recommender.generation.open_generation import CURRENT, MANIFEST, VERSIONS, Pointer, folder_name
from tests.factories import write_generation
from tests.faults.traffic import made_generation, traffic
from tests.server.ask import eventually
from tests.server.conftest import Served, serving

TRACKS, DIM, RPS = 300, 8, 30
INFO = pb.GetIndexInfoRequest()


def rejected(served: Served) -> float:
    """How many generations were rejected, for whatever reason."""
    figures = served.figures().items()
    return sum(count for name, count in figures if name.startswith("soundkin_generation_rejected_total"))


def checksums_wrong(served: Served) -> float:
    """How many generations were rejected for a checksum."""
    return served.figures()['soundkin_generation_rejected_total{reason="checksum"}']


def answering(served: Served) -> tuple[int, bool]:
    """The generation that answers, and whether it says that a newer one could not be used."""
    found = served.stub.GetIndexInfo(INFO).generation
    return found.version, found.degraded


def write(home: Path, version: int) -> tuple[Path, Pointer]:
    """A whole generation beside ``home``, and what CURRENT would say of it."""
    folder = write_generation(home / "making", made_generation(version, tracks=TRACKS, dim=DIM), version=version)
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return folder, Pointer(version=version, manifest_sha256=digest)


def point(home: Path, text: str) -> None:
    """Replace CURRENT in one step."""
    fresh = home / "CURRENT.new"
    fresh.write_text(text, encoding="latin-1")
    fresh.replace(home / CURRENT)


def turn_a_bit(file: Path, bit: int) -> None:
    """Turn one bit of ``file``."""
    raw = bytearray(file.read_bytes())
    raw[bit // 8] ^= 1 << bit % 8
    file.write_bytes(raw)


def harms(folder: Path, of_each: int) -> Iterator[tuple[str, int]]:
    """Files of a generation, each with ``of_each`` bits to turn; the same on every run."""
    drawn = random.Random(4)
    for file in sorted(folder.iterdir()):
        size = file.stat().st_size
        yield from ((file.name, drawn.randrange(8 * size)) for _ in range(of_each if size else 0))


@pytest.mark.parametrize("of_each", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_a_bit_turned_in_any_file_is_rejected_while_the_old_generation_answers(of_each: int, tmp_path: Path) -> None:
    write_generation(tmp_path, made_generation(1, tracks=TRACKS, dim=DIM))
    planned = list(harms(tmp_path / VERSIONS / folder_name(1), of_each))
    with serving(tmp_path) as served, traffic(served.port, rps=RPS, dim=DIM) as seen:
        eventually(lambda: seen.answered > 0)
        for version, (name, bit) in enumerate(planned, start=2):
            folder, pointer = write(tmp_path, version)
            turn_a_bit(folder / name, bit)
            folder.rename(tmp_path / VERSIONS / folder.name)
            point(tmp_path, pointer.to_json())
            eventually(lambda wanted=version - 1: checksums_wrong(served) == wanted)  # type: ignore[misc]  # bound at once
            assert answering(served) == (1, True)
        assert rejected(served) == len(planned)
        last = len(planned) + 2
        write_generation(tmp_path, made_generation(last, tracks=TRACKS, dim=DIM), version=last)
        eventually(lambda: answering(served) == (last, False))
        assert served.figures()["soundkin_generations_loaded"] <= 2
    files = {name for name, _ in planned}
    print(f"{len(planned)} turned bits in {len(files)} files: {len(planned)} rejected, {seen.asked} asked, 0 failed")
    assert len(files) > 40
    assert LEASE not in files
    assert (seen.failed, seen.mixed) == ([], [])
    assert set(seen.versions) <= {1, last}


def test_a_bit_turned_anywhere_in_the_pointer_is_told_and_harms_no_reply(tmp_path: Path) -> None:
    for version in (1, 2):
        write_generation(tmp_path, made_generation(version, tracks=TRACKS, dim=DIM), version=version)
    whole = (tmp_path / CURRENT).read_text()
    with serving(tmp_path) as served, traffic(served.port, rps=RPS, dim=DIM) as seen:
        eventually(lambda: seen.answered > 0)
        for at, char in enumerate(whole):
            point(tmp_path, whole[:at] + chr(ord(char) ^ 1) + whole[at + 1 :])
            eventually(lambda: answering(served) == (2, True))
            point(tmp_path, whole)
            eventually(lambda: answering(served) == (2, False))
        assert served.figures()["soundkin_generation_swaps_total"] == 1
    print(f"{len(whole)} turned bits in CURRENT, all told; {seen.asked} asked, {len(seen.failed)} failed")
    assert (seen.failed, seen.mixed) == ([], [])
    assert set(seen.versions) == {2}
