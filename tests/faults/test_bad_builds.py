"""Builds that are whole and wrong: each is refused for its own reason, the old one goes on serving, rollback works."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import faiss
import numpy as np
import pytest
from msgspec import structs

from indexer.files.failpoints import VARIABLE
from indexer.publish.gate import Terms
from indexer.publish.quarantine import QUARANTINE, REASON
from indexer.publish.rollback import rollback
from indexer.store.store import EMBEDDINGS, EmbeddingStore
from recommender.array_files import TextColumn
from recommender.errors import GenerationCorrupt, PublishRefused
from recommender.generation.open_generation import index_file, open_current, read_manifest
from recommender.types import Use
from recommender.vectors import FaissIndex
from tests.catalog_rows import add_artist
from tests.faults.homes import (
    SPACE,
    add_track,
    add_tracks,
    build,
    build_and_publish,
    embed,
    open_catalog,
    publish,
    reseal,
    served,
)

ROOT = Path(__file__).resolve().parents[2]
TRACKS = 100
OTHER = structs.replace(SPACE, revision="2")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that serves 100 tracks of 50 artists, the second version of them."""
    home = tmp_path_factory.mktemp("template") / "home"
    add_tracks(home, range(TRACKS))
    build_and_publish(home)
    build_and_publish(home)
    return home


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))


def staged(home: Path) -> Path:
    (folder,) = (home / "staging").glob("v*/")
    return folder


def build_nothing_heard(home: Path) -> None:
    """The embeddings were lost."""
    shutil.rmtree(home / EMBEDDINGS)
    build(home)


def build_nine_tenths(home: Path) -> None:
    """A tenth of the tracks, one of two of ten artists, fell out of the catalog."""
    forget_tracks(home, 10)
    build(home)


def forget_tracks(home: Path, count: int) -> None:
    """Tracks 0, 2, 4 …: the first of each artist's two."""
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        titles = [(f"Track {2 * number}",) for number in range(count)]
        database.executemany("DELETE FROM tracks WHERE title = ?", titles)


def build_another_model(home: Path) -> None:
    """The encoder was changed, and nobody said so."""
    with open_catalog(home) as catalog:
        clips = tuple(clip.clip_id for clip in catalog.pending_clips(OTHER.key))
    embed(home, clips, OTHER)
    build(home, OTHER)


def build_shuffled_ids(home: Path) -> None:
    """Every vector is right, and none is whose it is said to be. The goldens were made from the same mistake."""
    build(home)
    shuffle_ids(staged(home))
    reseal(staged(home), goldens=())


def shuffle_ids(folder: Path) -> None:
    ids = list(TextColumn.load(folder, "track.ids"))
    for path in folder.glob("track.ids.*"):
        path.unlink()
    TextColumn.of(ids[1:] + ids[:1]).save(folder, "track.ids")


BAD = {
    "empty": build_nothing_heard,
    "fewer_tracks": build_nine_tenths,
    "other_model": build_another_model,
    "golden": build_shuffled_ids,
}


def refusals(home: Path, terms: Terms | None = None) -> dict[str, str]:
    """Code -> detail of what the gate has against the staged generation."""
    with pytest.raises(PublishRefused) as refused:
        publish(home, terms=terms)
    return dict(refused.value.refusals)


@pytest.mark.parametrize("code", BAD)
def test_a_bad_build_is_refused_for_its_reason_and_the_old_one_goes_on_serving(code: str, home: Path) -> None:
    BAD[code](home)
    found = refusals(home)
    print(f"{code}: {found}")
    assert [*found] == [code]
    assert (served(home), open_current(home).manifest.counts.tracks_indexed) == (2, TRACKS)
    kept = home / QUARANTINE / f"v00000003@{code}"
    assert [each["code"] for each in json.loads((kept / REASON).read_text())["refusals"]] == [code]
    with open_catalog(home) as catalog:
        last = catalog.read_publications()[-1]
    assert (last.version, last.action, last.refusals) == (3, "refused", f"{code}: {found[code]}")
    assert rollback(home).version == 1
    assert open_current(home).manifest.version == 1


def test_the_four_bad_builds_have_four_reasons(template: Path, tmp_path: Path) -> None:
    reasons = set()
    for code, make in BAD.items():
        home = Path(shutil.copytree(template, tmp_path / code))
        make(home)
        reasons |= {*refusals(home)}
    assert len(reasons) == 4


def test_ids_shuffled_after_the_build_contradict_its_own_goldens(home: Path) -> None:
    build(home)
    shuffle_ids(staged(home))
    reseal(staged(home))
    assert [*refusals(home)] == ["golden"]


@pytest.mark.parametrize(("kind", "held"), [("tracks", 100), ("artists", 50)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, 1.1])
def test_one_vector_that_is_not_finite_and_unit_is_enough(bad: float, kind: str, held: int, home: Path) -> None:
    manifest = build(home)
    path = staged(home) / index_file(1, kind)
    vectors = FaissIndex.open(path).vectors(np.arange(held))
    vectors[nobody_asks_about(home, kind)] *= bad
    index = faiss.IndexFlatIP(SPACE.dim)
    index.add(vectors)
    path.chmod(0o644)
    faiss.write_index(index, str(path))
    reseal(staged(home), goldens=tuple(golden for golden in manifest.goldens if golden.kind != kind))
    assert refusals(home) == {"bad_vectors": f"1 of {held} {kind} in layer high are not finite and unit"}


def nobody_asks_about(home: Path, kind: str) -> int:
    """Row of a vector in layer high that is in no golden: where it is wrong, no cosine on record is."""
    serving = open_current(home)
    columns = serving.contents.tracks if kind == "tracks" else serving.contents.artists
    goldens = [golden for golden in serving.manifest.goldens if (golden.kind, golden.layer) == (kind, "high")]
    asked = {name for golden in goldens for name in (golden.query, *golden.answers)}
    return next(int(row) for name, row in zip(columns.ids, columns.vector_row, strict=True) if name not in asked)


def test_an_index_that_finds_too_little_is_refused(home: Path) -> None:
    first, *rest = build(home).indexes
    reseal(staged(home), indexes=(structs.replace(first, recall_at_10=0.94, recall_floor=0.95), *rest))
    assert refusals(home) == {"recall": "recall@10 of the tracks in layer low is 0.940, floor 0.950"}


def test_a_generation_for_a_narrower_use_than_asked_is_refused(home: Path) -> None:
    build(home)
    assert refusals(home, Terms(use=Use.COMMERCIAL)) == {
        "licence": "it was built for personal use, commercial is asked for"
    }


def test_a_source_or_an_encoder_that_its_use_forbids_is_refused(home: Path) -> None:
    build(home)
    manifest, _ = read_manifest(staged(home))
    space = structs.replace(manifest.space, licence="CC-BY-NC-4.0")
    reseal(staged(home), space=space, use="commercial", sources={"music-map": "none"})
    with pytest.raises(PublishRefused) as refused:
        publish(home)
    assert refused.value.refusals == (
        ("licence", "encoder made is licensed CC-BY-NC-4.0, which forbids commercial use"),
        ("licence", "source music-map is licensed none, which forbids commercial use"),
    )


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (Terms(space=OTHER.key), None),
        (Terms(space=SPACE.key), "is asked for"),
        (Terms(encoder="made"), "say --space"),
        (Terms(encoder="mert"), "mert is asked for"),
        (Terms(), "say --space"),
    ],
)
def test_another_model_is_published_when_it_is_asked_for_by_its_space(
    terms: Terms, expected: str | None, home: Path
) -> None:
    build_another_model(home)
    if expected is None:
        assert publish(home, terms=terms).space == OTHER
    else:
        assert expected in refusals(home, terms)["other_model"]


def test_another_encoder_is_published_when_it_is_asked_for_by_name(home: Path) -> None:
    other = structs.replace(SPACE, name="other")
    with open_catalog(home) as catalog:
        clips = tuple(clip.clip_id for clip in catalog.pending_clips(other.key))
    embed(home, clips, other)
    build(home, other)
    assert publish(home, terms=Terms(encoder="other")).space == other


def test_what_is_forced_is_published_and_its_reasons_are_on_record(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build_nine_tenths(home)
    assert publish(home, forced_why="the label left us").version == 3
    assert served(home) == 3
    with open_catalog(home) as catalog:
        last = catalog.read_publications()[-1]
    assert (last.version, last.action, last.forced_why) == (3, "publish", "the label left us")
    assert last.refusals.startswith("fewer_tracks: 90 tracks (90.0% of 100)")
    assert "the label left us" in caplog.text


def test_why_it_was_forced_is_on_record_also_where_the_gate_had_nothing_against_it(home: Path) -> None:
    build(home)
    publish(home, forced_why="to be sure")
    with open_catalog(home) as catalog:
        last = catalog.read_publications()[-1]
    assert (last.version, last.action, last.refusals, last.forced_why) == (3, "publish", "", "to be sure")


def test_what_was_forced_is_on_record_though_the_run_was_killed_and_another_finished_it(home: Path) -> None:
    build_nine_tenths(home)
    environment = {**os.environ, VARIABLE: "publish.renamed:kill", "SOUNDKIN_HOME": str(home)}
    command = [sys.executable, "soundkin.py", "publish", "--force", "--why", "the label left us"]
    killed = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60)
    assert (killed.returncode, served(home)) == (-signal.SIGKILL, 2)
    assert publish(home).version == 3
    with open_catalog(home) as catalog:
        forced = [each for each in catalog.read_publications() if each.forced_why]
    assert [(each.version, each.action, each.forced_why) for each in forced] == [(3, "publish", "the label left us")]
    assert forced[0].refusals.startswith("fewer_tracks")


def test_a_damaged_one_is_not_published_even_by_force(home: Path) -> None:
    build(home)
    path = staged(home) / index_file(0, "tracks")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GenerationCorrupt):
        publish(home, forced_why="I insist")
    assert served(home) == 2
    assert [folder.name for folder in (home / QUARANTINE).iterdir()] == ["v00000003@corrupt"]


@pytest.mark.parametrize(("lost", "passes"), [(2, True), (3, False)])
def test_the_share_that_may_be_lost_is_two_in_a_hundred(lost: int, passes: bool, home: Path) -> None:
    forget_tracks(home, lost)
    build(home)
    if passes:
        assert publish(home).counts.tracks == TRACKS - lost
    else:
        assert [*refusals(home)] == ["fewer_tracks"]


@pytest.mark.parametrize(("lost", "passes"), [(1, True), (2, False)])
def test_artists_without_audio_count_in_the_share_that_may_be_lost(lost: int, passes: bool, home: Path) -> None:
    unheard = ("Unheard 0", "Unheard 1")
    with open_catalog(home) as catalog, catalog.transaction():
        for name in unheard:
            add_artist(catalog, name)
    assert build_and_publish(home) == 3
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.executemany("DELETE FROM artists WHERE name = ?", [(name,) for name in unheard[:lost]])
    build(home)
    if passes:
        assert publish(home).counts.artists == 51
    else:
        assert refusals(home) == {"fewer_artists": "50 artists (96.2% of 52) beside v00000003"}


@pytest.mark.parametrize(("replaced", "passes"), [(40, True), (60, False)])
def test_files_may_be_replaced_but_not_most_of_them_in_a_night(replaced: int, passes: bool, home: Path) -> None:
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        titles = [(f"Track {number}",) for number in range(replaced)]
        database.executemany("DELETE FROM clips WHERE track_id IN (SELECT id FROM tracks WHERE title = ?)", titles)
    with open_catalog(home) as catalog, catalog.transaction():
        clips = tuple(add_track(catalog, number, number // 2, take=2) for number in range(replaced))
    embed(home, clips)
    build(home)
    if passes:
        assert publish(home).counts.tracks_indexed == TRACKS
    else:
        assert "are made of other clips than in v00000002" in refusals(home)["golden"]


def test_a_damaged_serving_generation_is_no_reason_to_refuse_and_the_one_before_it_is_compared(home: Path) -> None:
    (home / "versions" / "v00000002" / "MANIFEST.json").chmod(0o644)
    (home / "versions" / "v00000002" / "MANIFEST.json").write_text("{}")
    build_nine_tenths(home)
    assert "v00000001" in refusals(home)["fewer_tracks"]
    build_all_again(home)
    assert publish(home).counts.tracks == TRACKS


def build_all_again(home: Path) -> None:
    """The tracks that fell out come back; their embeddings were never lost."""
    with open_catalog(home) as catalog, catalog.transaction():
        clips = [add_track(catalog, number, number // 2) for number in range(TRACKS)]
        catalog.mark_done(SPACE.key, clips)
    assert EmbeddingStore(home, SPACE).clip_ids == {*clips}
    build(home)
