"""Small inputs from public bug reports, beside the checkout: each gives what its RUN.md wants."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from indexer.audio.workers.pool import DecoderPool
from indexer.build.build import build
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoders.registry import DESCRIPTORS, load_encoder
from indexer.ingest.imports import import_genres
from indexer.ingest.scan import ScanOptions, ScanReport, scan
from indexer.publish.publish import publish
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import InvalidArgument
from recommender.generation.open_generation import Generation, open_current
from recommender.ranking.artists import Recommender
from recommender.ranking.tracks import TrackQuery
from recommender.types import Use
from server.client.line_up_file import read_line_up
from tests.factories import MadeArtist, MadeCatalog, write_generation

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs shared/cases beside the checkout")


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as started:
        yield started


class Case:
    """A writeable copy of the folder of a case, with a home beside it."""

    def __init__(self, number: str, root: Path, pool: DecoderPool) -> None:
        (source,) = CASES.glob(f"{number}-*")
        self.folder = root / "case"
        shutil.copytree(source, self.folder, copy_function=shutil.copyfile)
        self.home = root / "home"
        self.home.mkdir()
        self.catalog = Catalog.open(self.home / "catalog.db")
        self._pool = pool

    def scan(self, name: str = "lib", options: ScanOptions | None = None) -> ScanReport:
        wanted = options or ScanOptions()
        return scan(
            self.catalog, self.folder / name, options=wanted, pool=self._pool, progress=lambda done, total: None
        )

    def put(self, source: str, target: str = "lib") -> None:
        shutil.copytree(self.folder / source, self.folder / target, dirs_exist_ok=True, copy_function=shutil.copyfile)

    def publish(self) -> Generation:
        encoder = load_encoder(DESCRIPTORS)
        store = EmbeddingStore(self.home, encoder.space)
        self.embedded = embed(self.catalog, store, encoder, self._pool, options=EmbedOptions()).embedded
        build(self.catalog, store, self.home, use=Use.PERSONAL)
        publish(self.catalog, self.home)
        return open_current(self.home)

    @property
    def artists(self) -> set[str]:
        return {artist.name for artist in self.catalog.read_artists()}

    @property
    def tracks(self) -> set[str]:
        return {track.title for track in self.catalog.read_tracks()}

    @property
    def genres(self) -> set[str]:
        return {row.genre for row in self.catalog.read_genres()}

    def reasons(self, report: ScanReport) -> set[str]:
        return {row.reason for row in report.rejected}

    def lengths_s(self) -> dict[str, float]:
        return {Path(track.path).name: track.length_ms / 1000 for track in self.catalog.read_tracks()}


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path, pool: DecoderPool) -> Iterator[Case]:
    number: str = request.function.__name__.split("_")[1]
    opened = Case(number, tmp_path, pool)
    yield opened
    opened.catalog.close()


def test_01_retag_and_move(case: Case) -> None:
    case.scan("before")
    case.publish()
    for source in ("before", "after"):
        shutil.rmtree(case.folder / "lib", ignore_errors=True)
        case.put(source)
        case.scan()
    generation = case.publish()
    assert case.embedded == 0
    assert set(generation.contents.artists.names) == case.artists == {"Good Name", "Other 2", "Other 3"}
    assert case.tracks == {f"S{number}" for number in range(1, 8)}


def test_02_retag_in_place_leaves_no_ghost(case: Case) -> None:
    case.put("v1")
    case.scan()
    assert "Act 1" in case.artists
    case.put("v2")
    case.scan()
    generation = case.publish()
    assert "Act 1" not in generation.contents.artists.names
    assert "Act 1" not in generation.contents.artists.spellings
    assert "Act One" in generation.contents.artists.names


def test_03_a_corrected_genre_replaces(case: Case) -> None:
    case.put("v1")
    case.scan()
    assert case.genres == {"rock"}
    case.put("v2")
    case.scan()
    assert case.genres == {"techno"}


def test_06_a_retag_that_keeps_time_and_size_is_read(case: Case) -> None:
    case.put("v1")
    before = (case.folder / "lib" / "1.mp3").stat()
    case.scan()
    old = case.artists
    case.put("v2")
    os.utime(case.folder / "lib" / "1.mp3", ns=(before.st_atime_ns, before.st_mtime_ns))
    case.scan()
    assert case.artists != old
    new = case.artists
    case.scan(options=ScanOptions(reread=True))
    assert case.artists == new


def test_07_credits(case: Case) -> None:
    case.scan()
    assert "Alpha One" in case.artists
    assert "Beta Two" in case.artists
    assert "AC/DC" in case.artists
    assert not [name for name in case.artists if "Alpha One" in name and name != "Alpha One"]
    names = {artist.id: artist.name for artist in case.catalog.read_artists()}
    together = {frozenset((names[row.artist_a], names[row.artist_b])) for row in case.catalog.read_collaborations()}
    assert frozenset(("Alpha One", "Beta Two")) in together


def test_08_placeholders_are_no_artists(case: Case) -> None:
    report = case.scan()
    assert case.artists == {"Real Act"}
    assert case.reasons(report) == {"no_artist"}


def test_11_typographic_punctuation(case: Case) -> None:
    case.scan()
    before = case.artists
    report = import_genres(case.catalog, case.folder / "genres.csv", source="shelf", licence="own")
    assert (report.new_artists, report.rejected) == (0, ())
    assert case.artists == before


def test_13_the_album_artist_where_there_is_no_other(case: Case) -> None:
    case.scan()
    assert case.artists == {"Album Act"}


def test_14_one_rule_for_genres(case: Case) -> None:
    case.scan()
    assert {"rock", "pop", "indie", "electronic", "house", "folk, world, and country"} <= case.genres
    assert not case.genres & {"other", "unknown", "genre", "rock pop"}
    assert not [genre for genre in case.genres if any(mark in genre for mark in "|;\\")]


def test_15_mojibake(case: Case) -> None:
    case.scan()
    assert "Björka" in case.artists
    assert "BjÃ¶rka" not in case.artists
    tags = [record.tags for record in case.catalog.read_files() if record.tags]
    assert [tag for tag in tags if tag.repaired]
    assert [tag for tag in tags if tag.doubtful]


def test_16_riff_info(case: Case) -> None:
    case.scan()
    assert "Riff Act" in case.artists


def test_18_id3_before_flac(case: Case) -> None:
    report = case.scan()
    assert not report.rejected
    assert case.artists & {"Vorbis Act", "Id3 Act"}


def test_19_vbr_without_a_count(case: Case) -> None:
    report = case.scan()
    assert not report.rejected
    lengths = sorted(case.lengths_s().values())
    assert abs(lengths[0] - 12.04) < 0.06
    assert abs(lengths[1] - 61.05) < 0.06
    starts = sorted(clip.start_ms for clip in case.catalog.pending_clips("space"))
    assert starts == [0, 15_000]


@pytest.mark.parametrize("number", ["22", "24", "26"])
def test_files_that_only_a_second_look_reads(number: str, tmp_path: Path, pool: DecoderPool) -> None:
    case = Case(number, tmp_path, pool)
    report = case.scan()
    assert not report.rejected
    assert sum(record.clip_id is not None for record in case.catalog.read_files()) == report.files
    assert all(6.9 < length < 7.1 for length in case.lengths_s().values())
    case.publish()
    assert case.embedded == report.new_clips
    case.catalog.close()


def test_25_every_link_of_a_chained_ogg(case: Case) -> None:
    report = case.scan()
    assert not report.rejected
    assert sorted(case.lengths_s().values()) == pytest.approx([10.0, 13.0], abs=0.05)


def test_28_a_hidden_track(case: Case) -> None:
    report = case.scan()
    assert not report.rejected
    case.publish()
    assert case.embedded == report.files


def test_29_recycle_bins(case: Case) -> None:
    case.scan()
    assert not [name for name in case.artists if name.lower() in ("#recycle", "$recycle.bin", "lost+found", "deleted")]
    assert all("recycle" not in track.path.lower() for track in case.catalog.read_tracks())


def test_30_an_empty_mount_point(case: Case) -> None:
    case.put("lib", "mnt")
    known = case.scan("mnt").files
    shutil.move(case.folder / "mnt", case.folder / "away")
    (case.folder / "mnt").mkdir()
    artists = case.artists
    report = case.scan("mnt")
    (problem,) = report.rejected
    assert problem.reason == "empty_folder"
    assert f"{known} files are known" in problem.detail
    assert case.artists == artists


def test_32_tables_as_spreadsheets_write_them(case: Case) -> None:
    for path in sorted([*case.folder.glob("*.csv"), *case.folder.glob("*.tsv")]):
        report = import_genres(case.catalog, path, source=path.name, licence="own")
        assert (report.imported, report.rejected) == (1, ()), path.name
    assert (case.artists, case.genres) == ({"Act 0"}, {"rock"})


def test_34_line_ups(case: Case) -> None:
    assert list(read_line_up([str(case.folder / "utf16.txt")]).names) == ["Act 1", "Act 2"]
    broken = read_line_up([str(case.folder / "cp1252.txt")])
    assert list(broken.names) == ["Act 2"]
    assert len(broken.bad_lines) == 1


def test_37_one_recording_with_two_credits(case: Case) -> None:
    case.scan()
    recommender = Recommender(case.publish())
    seed = recommender.directory.track_by_name("Hit", "Long Act")
    mix = recommender.default_mix
    vectors = recommender.tracks.vectors(seed, mix)
    assert vectors is not None
    query = TrackQuery(vectors=vectors, mix=mix, exclude_track=seed)
    answers = recommender.tracks.rank(query, offset=0, n=50)
    titles = [recommender.generation.contents.tracks.titles[track.row] for track in answers]
    everything = list(recommender.generation.contents.tracks.titles)
    assert "Hit" not in titles
    assert len(answers) == len(everything) - everything.count("Hit")


def test_39_an_hour_of_m4a_is_decoded_by_its_cpu_time(case: Case) -> None:
    short, long = io.BytesIO(), case.folder / "lib" / "Sleep Act - One hour.m4a"
    long.parent.mkdir()
    second = np.sin(2 * np.pi * 330 * np.arange(22_050) / 22_050, dtype=np.float32)
    with av.open(short, "w", format="adts") as target:
        stream = target.add_stream("aac", rate=22_050)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.tile(second, 20)[None], format="fltp", layout="mono")
        frame.sample_rate = 22_050
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            target.mux(packet)
    with av.open(io.BytesIO(short.getvalue() * 180), "r", format="adts") as source, av.open(long, "w") as target:
        copied = target.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(source.streams.audio[0])):
            if packet.size:
                packet.stream, packet.pts, packet.dts = copied, number * 1024, number * 1024
                packet.time_base = Fraction(1, 22_050)
                target.mux(packet)
    assert not case.scan().rejected
    assert 3600 < case.lengths_s()[long.name] < 3700  # 180 times 20 s, and what the encoder pads
    case.publish()
    assert case.embedded == 1


def test_40_invisible_marks_in_a_question(case: Case) -> None:
    from recommender.lookup.directory import Directory

    shutil.copytree(CASES / "02-retag-in-place-ghost" / "v1", case.folder / "lib", copy_function=shutil.copyfile)
    case.scan()
    directory = Directory(case.publish().contents)
    for name in ("Act 1\u200b", "\ufeffAct 1", "Act\u00a01", "Act 1\u00ad"):
        assert directory.artist_by_name(name) == directory.artist_by_name("Act 1")
    with pytest.raises(InvalidArgument):
        directory.artist_by_name(" \u200b ")


def test_35_pings_on_an_idle_channel_are_allowed(tmp_path: Path) -> None:
    write_generation(tmp_path, MadeCatalog(artists=(MadeArtist(id="a", name="Ay", genres={"x": 1.0}),)))
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "soundkin", "serve", "--listen=127.0.0.1:0", f"--port-file={port_file}"]
    script = (CASES / "35-keepalive-pings" / "keepalive.py").read_text(encoding="utf-8")
    with subprocess.Popen(command, env=os.environ | {"SOUNDKIN_HOME": str(tmp_path)}) as server:
        deadline = time.monotonic() + 60
        while not port_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        port = port_file.read_text().strip()
        local = script.replace("server.pb", "pb").replace("51811", port).replace("sleep(55)", "sleep(45)")
        done = subprocess.run([sys.executable, "-c", local], check=False, capture_output=True, text=True)
        server.terminate()
    assert done.returncode == 0, done.stderr
