"""No flipped bit, cut end or zeroed page in anything that is kept is used: it is noticed first, and named."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from indexer.maintain.verify import check_file, verify
from indexer.store.shard import Stored
from indexer.store.store import EMBEDDINGS, EmbeddingStore
from recommender.errors import GenerationCorrupt
from recommender.generation.open_generation import CURRENT, VERSIONS, open_current
from tests.factories import make_space
from tests.faults import homes
from tests.faults.damage import damage_each

SPACE = make_space(("low", "high"), dim=32)
TRACKS, OF_EACH = 60, 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations, the second served, of 60 tracks in two shards; and a third shard, in fp16."""
    home = tmp_path_factory.mktemp("home")
    for tracks in (range(40), range(40, TRACKS)):
        homes.add_tracks(home, tracks, of_each=OF_EACH, space=SPACE)
        homes.build(home, SPACE)
        homes.publish(home)
    strangers = [f"{number:032x}" for number in range(50)]
    store = EmbeddingStore(home, SPACE, stored=Stored.FP16)
    store.append(strangers, homes.embeddings_of(strangers, SPACE), space=SPACE)
    for path in home.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return home


def _open(path: Path) -> None:
    """Open what the file belongs to, as the server does with a generation and the build with a shard."""
    if EMBEDDINGS in path.parts:
        check_file(path)
    else:
        open_current(path.parents[2] if VERSIONS in path.parts else path.parent)


def _kept(home: Path) -> list[Path]:
    served = sorted((home / VERSIONS / "v00000002").iterdir())
    embeddings = sorted((home / EMBEDDINGS / SPACE.key).glob("[!.L]*"))
    return [home / CURRENT, *served, *embeddings]


def _damage(home: Path, times: int) -> None:
    files = _kept(home)
    assert {"CURRENT", "MANIFEST.json", "L00.tracks.faiss", "SPACE.json", "00000001.shard"} <= {p.name for p in files}
    for path in files:
        _open(path)
    found = damage_each(files, _open, times, random.Random(4))
    print(f"{dict(found.done)} damages to {found.files} files, {found.same} pages that were zero already left out:")
    print(f"{len(found.unnoticed)} unnoticed {found.unnoticed}")
    assert found.done.total() == times
    assert found.unnoticed == ()
    assert verify(home).problems == ()


def test_hundreds_of_damages_are_all_noticed_before_use(home: Path) -> None:
    _damage(home, 500)


@pytest.mark.faults
def test_ten_thousand_damages_are_all_noticed_before_use(home: Path) -> None:
    _damage(home, 10_000)


def test_no_bit_of_current_can_flip_unnoticed(home: Path) -> None:
    path = home / CURRENT
    good = path.read_bytes()
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        with pytest.raises(GenerationCorrupt):
            open_current(home)
    path.write_bytes(good)
    assert open_current(home).manifest.version == 2


def test_verify_names_every_file_of_the_embeddings_that_is_damaged(home: Path) -> None:
    for path in _kept(home):
        good = path.read_bytes()
        if EMBEDDINGS not in path.parts or not good:
            continue
        path.write_bytes(good[: len(good) // 2])
        assert [name for name, _ in verify(home).problems] == [str(path)]
        path.write_bytes(good)


def test_a_damage_that_nothing_checks_is_told(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(np.arange(2000).tobytes())
    found = damage_each([plain], lambda path: path.read_bytes(), 30, random.Random(1))
    assert len(found.unnoticed) == found.done.total() == 30
    assert {name.split()[1] for name in found.unnoticed} == {"flip", "cut", "zeros"}
    zeros = tmp_path / "zeros"
    zeros.write_bytes(bytes(100))
    assert damage_each([zeros], lambda path: path.read_bytes(), 5, random.Random(1)).done["zeros"] == 0
