"""Whatever was scanned, retagged, moved or removed before, the catalog says what its files say now."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.ingest.facts.derive import derive
from indexer.ingest.scan import ScanOptions, ScanReport, scan
from recommender.catalog import Catalog
from tests.indexer.ingest.scanned_music import HerePool, retag, write

NO_ROWS = "file,artist\n"

Facts = dict[str, object]


def scanned(catalog: Catalog, folder: Path, *, tracklist: str = NO_ROWS) -> ScanReport:
    """The report of a scan that forgets vanished files at once. The tracklist lies beside the folder."""
    path = folder.parent / "rows.csv"
    path.write_text(tracklist, encoding="utf-8")
    pool: Any = HerePool()
    options = ScanOptions(tracklist=path, forget_after_days=0)
    return scan(catalog, folder, options=options, pool=pool, progress=lambda done, total: None)


def published(catalog: Catalog) -> Facts:
    """Everything that a build would publish, without our own ids."""
    names = {artist.id: artist.name for artist in catalog.read_artists()}
    tracks = {track.id: track for track in catalog.read_tracks()}
    clips = catalog.read_clips([clip.clip_id for clip in catalog.pending_clips("space")])
    return {
        "artists": sorted(names.values()),
        "spellings": sorted((names[row.artist_id], row.name) for row in catalog.read_names()),
        "ids": sorted((names[row.artist_id], row.namespace, row.value) for row in catalog.read_external_ids()),
        "tracks": sorted((names[t.artist_id], *t[2:]) for t in tracks.values()),
        "clips": sorted(
            (tracks[clip.track_id].title, clip.audio_id, clip.source_path) for clip in clips.values() if clip.track_id
        ),
        "genres": sorted((names[row.artist_id], row.genre, row.source) for row in catalog.read_genres()),
        "together": sorted(
            (*sorted((names[row.artist_a], names[row.artist_b])), row.kind, row.title, row.credited)
            for row in catalog.read_collaborations()
        ),
    }


def fresh_facts(folder: Path, tracklist: str) -> Facts:
    with Catalog.open("sqlite://") as fresh:
        scanned(fresh, folder, tracklist=tracklist)
        return published(fresh)


ARTISTS = ("Low", "LOW", "Mono", "Alpha One", "Beta Two", "Alpha One feat. Beta Two", "Alpha One & Beta Two", "VA", "")
TITLES = ("Words", "Ashes", "words", "Intro")
TAGS = st.fixed_dictionaries(
    {
        "artist": st.sampled_from(ARTISTS),
        "title": st.sampled_from(TITLES),
        "album": st.sampled_from(("One", "Two", "")),
        "albumartist": st.sampled_from(("", "Alpha One & Beta Two", "Low")),
        "genre": st.sampled_from(("rock", "techno; house", "")),
    }
)
FILE = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("scan")),
        st.tuples(st.just("tag"), FILE, TAGS),
        st.tuples(st.just("tag silently"), FILE, TAGS),
        st.tuples(st.just("move"), FILE, st.sampled_from(("Low/Words", "x/Mono - Ashes", "Low/One/01 - Intro"))),
        st.tuples(st.just("copy"), FILE, st.sampled_from(("Mono/Copy", "y/Low - Copy"))),
        st.tuples(st.just("remove"), FILE),
        st.tuples(st.just("rows"), st.sampled_from((NO_ROWS, "file,artist,title,genre\nf0.flac,Row Act,Rowed,pop\n"))),
    ),
    max_size=12,
)


class Music:
    """A folder under a history of changes, with the catalog that saw all of it."""

    def __init__(self, root: Path, catalog: Catalog) -> None:
        self.folder = root / "music"
        self.catalog = catalog
        self.rows = NO_ROWS
        self.clock = 1_700_000_000
        for number in range(5):
            write(self.folder / f"f{number}.{'flac' if number % 2 == 0 else 'ogg'}", number)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def do(self, step: tuple[Any, ...]) -> None:
        kind, *rest = step
        if kind == "scan":
            scanned(self.catalog, self.folder, tracklist=self.rows)
        elif kind == "rows":
            self.rows = rest[0]
        elif files := self.files():
            self._change(kind, files[rest[0] % len(files)], *rest[1:])

    def _change(self, kind: str, path: Path, *rest: Any) -> None:
        self.clock += 10
        if kind == "remove":
            path.unlink()
            return
        if kind in ("move", "copy"):
            target = self.folder / f"{rest[0]}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if target == path:
                return
            (shutil.move if kind == "move" else shutil.copy)(path, target)
            os.utime(target, (self.clock, self.clock))
            return
        before = path.stat()
        retag(path, {key: [value] for key, value in rest[0].items() if value})
        times = (before.st_atime_ns, before.st_mtime_ns) if kind == "tag silently" else (self.clock * 10**9,) * 2
        os.utime(path, ns=times)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_history_ends_in_what_one_scan_of_its_end_says(
    steps: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("history")
    with Catalog.open("sqlite://") as catalog:
        music = Music(root, catalog)
        for step in steps:
            music.do(step)
        write(music.folder / "last.flac", 9)  # an empty folder would be a disk that is not mounted
        scanned(catalog, music.folder, tracklist=music.rows)
        assert published(catalog) == fresh_facts(music.folder, music.rows)
        before = catalog.counts()
        derive(catalog, only_if_changed=False)
        assert catalog.counts() == before
    shutil.rmtree(root)


def test_a_thousand_retagged_and_renamed_files_keep_their_clips(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    paths = [write(folder / f"{number:04}.{('flac', 'ogg')[number % 2]}", number) for number in range(1000)]
    for number, path in enumerate(paths):
        retag(path, {"artist": [f"Old {number % 40}"], "title": [f"Title {number}"], "genre": ["rock"]})
    with Catalog.open("sqlite://") as catalog:
        assert scanned(catalog, folder).new_clips == 1000
        clips = {clip.clip_id for clip in catalog.pending_clips("space")}
        for number, path in enumerate(paths):
            tags = {"artist": [f"New {number % 50}"], "title": [f"Other {number}"], "genre": ["techno"]}
            retag(path, tags, cover=b"\x89PNG" + bytes(20_000))
            path.rename(folder / f"renamed {number}{path.suffix}")
        report = scanned(catalog, folder)
        assert (report.new_clips, report.known_clips, report.rejected) == (0, 1000, ())
        assert {clip.clip_id for clip in catalog.pending_clips("space")} == clips
        assert published(catalog) == fresh_facts(folder, NO_ROWS)
        assert len(catalog.read_artists()) == 50
