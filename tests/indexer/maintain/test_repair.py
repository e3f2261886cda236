"""A home is made whole again: corrupt shards aside, the ledger from the shards, and nothing sealed is made twice."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

import soundkin
from indexer.files.home import CATALOG_FILE
from indexer.files.locks import exclusive
from indexer.maintain.repair import repair
from indexer.maintain.verify import verify
from indexer.store.shard import seal
from indexer.store.store import SPACE_FILE, EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import FileRecord, NewClip
from recommender.errors import Busy, EmbeddingsCorrupt
from recommender.types import Space
from tests.catalog_rows import add_artist
from tests.factories import make_space

SPACE = make_space()


def _add_clips(catalog: Catalog, count: int) -> list[str]:
    """Enter ``count`` clips, each with a file of its own; their ids."""
    track = catalog.find_or_add_track(add_artist(catalog, "Some"), "One")
    ids = []
    for number in range(count):
        content, path = f"{number:064x}", f"/music/{number}.wav"
        clip = NewClip(
            track_id=track, content_sha256=content, start_ms=0, length_ms=1000, policy="whole", source_path=path
        )
        ids.append(catalog.add_clip(clip).clip_id)
        catalog.record_files([_file(path, content, ids[-1])])
    return ids


def _file(path: str, content: str, clip_id: str) -> FileRecord:
    return FileRecord(path=path, size=1, mtime_ns=1, content_sha256=content, clip_id=clip_id, reason=None, detail=None)


def _store(home: Path, *shards: list[str], space: Space = SPACE) -> EmbeddingStore:
    store = EmbeddingStore(home, space)
    for ids in shards:
        shape = (len(ids), len(space.layers), space.dim)
        store.append(ids, np.random.default_rng(len(ids)).normal(size=shape).astype(np.float32), space=space)
    return store


def _pending(catalog: Catalog, space: Space = SPACE) -> set[str]:
    return {clip.clip_id for clip in catalog.pending_clips(space.key)}


def _flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def test_a_ledger_is_rebuilt_from_the_shards_of_every_space(catalog: Catalog, tmp_path: Path) -> None:
    a, b, c, d = _add_clips(catalog, 4)
    other = structs.replace(SPACE, revision="2")
    _store(tmp_path, [a, b], [c])
    _store(tmp_path, [d], space=other)
    counts = {one.space: one for one in repair(catalog, tmp_path).ledger}
    assert set(counts) == {SPACE.key, other.key}
    first = counts[SPACE.key]
    assert (first.held, first.known, first.marked, first.forgotten, first.unknown) == (3, 3, 3, 0, 0)
    assert _pending(catalog) == {d}
    assert _pending(catalog, other) == {a, b, c}
    again = {one.space: one for one in repair(catalog, tmp_path).ledger}
    assert (again[SPACE.key].marked, again[SPACE.key].known) == (0, 3)


def test_what_the_ledger_has_and_no_shard_holds_is_embedded_again(catalog: Catalog, tmp_path: Path) -> None:
    a, b = _add_clips(catalog, 2)
    _store(tmp_path, [a])
    catalog.mark_done(SPACE.key, [a, b])
    (found,) = repair(catalog, tmp_path).ledger
    assert (found.forgotten, found.marked, found.known) == (1, 0, 1)
    assert _pending(catalog) == {b}


def test_shards_with_clips_the_catalog_does_not_know_are_counted_and_kept(catalog: Catalog, tmp_path: Path) -> None:
    stranger = f"{7:032x}"
    (known,) = _add_clips(catalog, 1)
    store = _store(tmp_path, [known, stranger])
    (found,) = repair(catalog, tmp_path).ledger
    assert (found.held, found.known, found.unknown) == (2, 1, 1)
    assert EmbeddingStore(tmp_path, SPACE).layer(0, [stranger]).shape == (1, SPACE.dim)
    assert store.shard_checksums == EmbeddingStore(tmp_path, SPACE).shard_checksums


def test_a_clip_whose_file_holds_something_else_is_neither_unknown_nor_marked(catalog: Catalog, tmp_path: Path) -> None:
    a, b = _add_clips(catalog, 2)
    _store(tmp_path, [a, b])
    catalog.record_files([_file("/music/0.wav", f"{1:064x}", b)])
    (found,) = repair(catalog, tmp_path).ledger
    assert (found.known, found.replaced, found.unknown, found.marked) == (1, 1, 0, 1)
    catalog.record_files([_file("/music/0.wav", f"{0:064x}", a)])
    assert _pending(catalog) == set()  # no file had it, so it belongs to no track
    assert _add_clips(catalog, 2) == [a, b]
    assert _pending(catalog) == {a}
    assert repair(catalog, tmp_path).ledger[0].marked == 1
    assert _pending(catalog) == set()


@pytest.mark.parametrize("at", [3, 20, 200, -1])
def test_a_corrupt_shard_is_moved_aside_and_only_its_clips_are_pending(
    catalog: Catalog, tmp_path: Path, at: int
) -> None:
    a, b, c = _add_clips(catalog, 3)
    store = _store(tmp_path, [a, b], [c])
    catalog.mark_done(SPACE.key, [a, b, c])
    bad = store.folder / "00000002.shard"
    _flip(bad, at)
    report = verify(tmp_path)
    assert ([path for path, _ in report.problems], report.shards, report.clips) == ([str(bad)], 1, 2)
    repaired = repair(catalog, tmp_path, report.problems)
    (moved,) = repaired.quarantined
    assert (moved.path, Path(moved.kept).parent) == (str(bad), tmp_path / "quarantine" / "embeddings" / SPACE.key)
    assert Path(moved.kept).exists()
    assert _pending(catalog) == {c}
    assert verify(tmp_path).problems == ()
    assert EmbeddingStore(tmp_path, SPACE).clip_ids == {a, b}


def test_without_quarantine_nothing_is_moved_and_nothing_of_that_space_forgotten(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = _add_clips(catalog, 2)
    store = _store(tmp_path, [a], [b])
    catalog.mark_done(SPACE.key, [a, b])
    _flip(store.folder / "00000002.shard", 2)
    with caplog.at_level(logging.ERROR):
        repaired = repair(catalog, tmp_path)
    assert (repaired.quarantined, repaired.ledger, _pending(catalog)) == ((), (), set())
    assert "soundkin verify --quarantine" in caplog.text
    assert (store.folder / "00000002.shard").exists()


def test_what_is_quarantined_twice_under_one_name_is_kept_twice(catalog: Catalog, tmp_path: Path) -> None:
    for _ in range(2):
        store = _store(tmp_path, _add_clips(catalog, 1))
        _flip(store.folder / "00000001.shard", 2)
        repair(catalog, tmp_path, verify(tmp_path).problems)
    kept = sorted(path.name for path in (tmp_path / "quarantine" / "embeddings" / SPACE.key).iterdir())
    assert kept == ["00000001.shard", "00000001.shard.1"]


def test_a_corrupt_space_file_is_moved_aside_and_costs_no_embedding(catalog: Catalog, tmp_path: Path) -> None:
    (a,) = _add_clips(catalog, 1)
    store = _store(tmp_path, [a])
    _flip(store.folder / SPACE_FILE, 20)
    report = verify(tmp_path)
    assert (len(report.problems), report.shards) == (1, 1)
    assert repair(catalog, tmp_path, report.problems).ledger[0].known == 1
    assert [Path(path).name for path, _ in verify(tmp_path).problems] == [SPACE_FILE]
    assert EmbeddingStore(tmp_path, SPACE).clip_ids == {a}
    assert verify(tmp_path).problems == ()


def test_a_start_that_was_killed_before_it_wrote_anything_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "embeddings" / SPACE.key).mkdir(parents=True)
    assert verify(tmp_path).problems == ()


def test_a_shard_from_another_space_is_found_by_its_folders_name(tmp_path: Path) -> None:
    store = _store(tmp_path, [f"{1:032x}"])
    values = np.ones((1, len(SPACE.layers), SPACE.dim), dtype=np.float32)
    seal(store.folder / "00000002.shard", fingerprint="0" * 16, clip_ids=[f"{2:032x}"], embeddings=values)
    ((path, problem),) = verify(tmp_path).problems
    assert Path(path).name == "00000002.shard"
    assert f"expected {SPACE.fingerprint}" in problem


def test_a_file_that_is_whole_again_stays_where_it_is(catalog: Catalog, tmp_path: Path) -> None:
    store = _store(tmp_path, _add_clips(catalog, 1))
    shard = store.folder / "00000001.shard"
    assert repair(catalog, tmp_path, [(str(shard), "was corrupt a moment ago")]).quarantined == ()
    assert shard.exists()


def test_a_problem_of_a_generation_is_none_of_the_quarantine_of_embeddings(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "versions" / "v00000001" / "L00.tracks.faiss"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert repair(catalog, tmp_path, [(str(file), "does not have its checksum")]).quarantined == ()
    assert file.exists()


def test_nothing_is_repaired_while_a_run_is_embedding(catalog: Catalog, tmp_path: Path) -> None:
    store = _store(tmp_path, _add_clips(catalog, 1))
    with exclusive(store.lock_path), pytest.raises(Busy):
        repair(catalog, tmp_path)


def test_the_error_that_stops_a_build_says_what_to_do(tmp_path: Path) -> None:
    store = _store(tmp_path, [f"{1:032x}"])
    _flip(store.folder / "00000001.shard", 2)
    with pytest.raises(EmbeddingsCorrupt, match=r"00000001\.shard .*soundkin verify --quarantine.*soundkin embed"):
        EmbeddingStore(tmp_path, SPACE)


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        soundkin.main(list(words))
    return int(left.value.code or 0), capsys.readouterr().out


def test_the_command_quarantines_rebuilds_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Catalog.open(tmp_path / CATALOG_FILE) as catalog:
        a, b = _add_clips(catalog, 2)
    store = _store(tmp_path, [a, f"{9:032x}"], [b])
    code, said = _run(capsys, "verify", "--home", str(tmp_path), "--rebuild-ledger")
    assert code == 0
    assert "2 shards with 3 clips; 0 problems" in said
    assert f"ledger of {SPACE.key}: 2 of 3 clips known, 2 marked as done, 0 forgotten" in said
    assert "1 not in the catalog; a scan of their music brings them back" in said
    _flip(store.folder / "00000002.shard", 2)
    code, said = _run(capsys, "verify", "--home", str(tmp_path), "--quarantine", "--json")
    report = json.loads(said)
    assert (code, len(report["problems"])) == (1, 1)
    assert [Path(one["kept"]).name for one in report["repaired"]["quarantined"]] == ["00000002.shard"]
    assert [(one["known"], one["forgotten"]) for one in report["repaired"]["ledger"]] == [(1, 1)]
    code, said = _run(capsys, "verify", "--home", str(tmp_path), "--json")
    assert (code, json.loads(said)["repaired"]) == (0, None)


def test_verify_alone_opens_no_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "verify", "--home", str(tmp_path))[0] == 0
    assert list(tmp_path.iterdir()) == []
