"""Scanning folders of real files with real decoder processes, on both databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from indexer.audio.workers.pool import DecoderPool
from indexer.ingest.scan import NO_OPTIONS, ScanOptions, ScanReport, join_reports, scan
from recommender.catalog import Catalog
from recommender.errors import BadInput

RATE_HZ = 8000
MBID = "83d91898-7763-47d7-b03b-b92132375c47"
SHARED = Path(__file__).resolve().parents[3].parent / "shared"

Scan = Callable[..., ScanReport]


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as started:
        yield started


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


@pytest.fixture
def run(catalog: Catalog, music: Path, pool: DecoderPool) -> Scan:
    def scan_music(tracklist: str | None = None, folder: Path = music, options: ScanOptions = NO_OPTIONS) -> ScanReport:
        path = music.parent / "tracklist.csv"
        if tracklist is not None:
            path.write_text(tracklist, encoding="utf-8")
        wanted = options if tracklist is None else replace(options, tracklist=path)
        return scan(catalog, folder, options=wanted, pool=pool, progress=lambda done, total: None)

    return scan_music


def write(path: Path, seed: int, *, seconds: float = 6.0) -> Path:
    """Noise that is the same for the same seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE_HZ))
    soundfile.write(path, noise, RATE_HZ)
    return path


def counts(report: ScanReport) -> tuple[int, int, int, int]:
    return report.files, report.new_clips, report.known_clips, report.unchanged


def reasons(report: ScanReport) -> list[tuple[str, int | None, str]]:
    return [(Path(row.path).name, row.line, row.reason) for row in report.rejected]


def shelf(catalog: Catalog) -> list[tuple[str, str]]:
    """(artist, title) of every track."""
    names = {artist.id: artist.name for artist in catalog.read_artists()}
    return sorted((names[track.artist_id], track.title) for track in catalog.read_tracks())


def genres(catalog: Catalog) -> set[tuple[str, str, str]]:
    names = {artist.id: artist.name for artist in catalog.read_artists()}
    return {(names[row.artist_id], row.genre, row.source) for row in catalog.read_genres()}


def test_folders_and_file_names_name_the_artist(catalog: Catalog, music: Path, run: Scan) -> None:
    write(music / "Sigur Rós" / "Svefn-g-englar.wav", 1)
    write(music / "SIGUR ROS" / "Sigur Rós - Starálfur.flac", 2)
    write(music / "deep" / "er" / "Low - Words - Live.wav", 3)
    write(music / "Various Artists" / "Mono - Ashes.wav", 4)
    assert counts(run()) == (4, 4, 0, 0)
    assert shelf(catalog) == [
        ("Low", "Words - Live"),
        ("Mono", "Ashes"),
        ("Sigur Rós", "Starálfur"),
        ("Sigur Rós", "Svefn-g-englar"),
    ]


def test_a_second_scan_reads_nothing_and_changes_nothing(catalog: Catalog, music: Path, run: Scan) -> None:
    write(music / "Low - One.wav", 1)
    write(music / "Low - Short.wav", 2, seconds=1)
    first, before = run(), catalog.counts()
    second = run()
    assert (counts(first), counts(second)) == ((2, 1, 0, 0), (2, 0, 0, 1))
    assert reasons(first) == reasons(second) == [("Low - Short.wav", None, "too_short")]
    assert catalog.counts() == before


def test_every_file_that_cannot_be_used_has_a_reason_in_report_and_ledger(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    write(music / "Low - Good.wav", 1)
    write(music / "nobody.wav", 2)
    write(music / "01 - Numbered.wav", 3)
    (music / "Low - Text.mp3").write_text("no sound at all")
    (music / "Low - Empty.flac").touch()
    (music / "Low - Strange.xyz").write_text("neither suffix nor bytes of audio")
    for name in ("cover.jpg", "notes.txt", ".DS_Store", "._Low - Good.wav"):
        (music / name).write_text("beside the point")
    report = run()
    assert reasons(report) == [
        ("01 - Numbered.wav", None, "no_artist"),
        ("Low - Empty.flac", None, "not_audio"),
        ("Low - Strange.xyz", None, "not_audio"),
        ("Low - Text.mp3", None, "not_audio"),
        ("nobody.wav", None, "no_artist"),
    ]
    assert (counts(report), report.ignored) == ((6, 1, 0, 0), 4)
    for row in report.rejected:
        record = catalog.file_record(row.path)
        assert record is not None
        assert (record.reason, record.clip_id is None) == (row.reason, row.reason != "no_artist")


def test_a_file_with_an_unknown_suffix_is_taken_by_its_first_bytes(catalog: Catalog, music: Path, run: Scan) -> None:
    shutil.move(write(music / "Low - One.flac", 1), music / "Low - One.audio")
    assert counts(run()) == (1, 1, 0, 0)


def test_links_pipes_and_hidden_folders_are_not_followed(tmp_path: Path, music: Path, run: Scan) -> None:
    write(music / "Low - One.wav", 1)
    outside = write(tmp_path / "outside" / "Low - Secret.wav", 2)
    (music / "Low - Link.wav").symlink_to(outside)
    (music / "Low - Inner.wav").symlink_to(music / "Low - One.wav")
    (music / "linked").symlink_to(outside.parent, target_is_directory=True)
    (music / "loop").symlink_to(music, target_is_directory=True)
    os.mkfifo(music / "Low - Pipe.wav")
    write(music / ".hidden" / "Low - Trash.wav", 3)
    report = run()
    assert (counts(report), report.ignored, report.rejected) == ((1, 1, 0, 0), 5, ())


def test_the_same_content_twice_is_one_clip_of_the_older_file(catalog: Catalog, music: Path, run: Scan) -> None:
    first = write(music / "Low" / "Words.wav", 1)
    (music / "Mono").mkdir()
    shutil.copy(first, music / "Mono" / "Copy.wav")
    assert counts(run()) == (2, 1, 1, 0)
    assert shelf(catalog) == [("Low", "Words")]
    tracklist = "file,artist,title\nmusic/Low/Words.wav,Low,Words\nmusic/Mono/Copy.wav,Mono,Copy\n"
    for expected in ((2, 0, 2, 0), (2, 0, 0, 2)):
        assert counts(run(tracklist)) == expected
        assert shelf(catalog) == [("Low", "Words")]
    first.unlink()
    assert counts(run(tracklist)) == (1, 0, 0, 1)
    assert shelf(catalog) == [("Mono", "Copy")]
    (pending,) = catalog.pending_clips("space")
    assert pending.source_path == str(music.resolve() / "Mono" / "Copy.wav")


def test_a_renamed_file_keeps_its_clip_and_moves_to_the_artist_of_its_new_name(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    old = write(music / "Low - Words.wav", 1)
    run()
    (clip,) = catalog.pending_clips("space")
    old.rename(music / "Mono - Ashes.wav")
    assert counts(run()) == (1, 0, 1, 0)
    assert shelf(catalog) == [("Mono", "Ashes")]
    assert [(pending.clip_id, Path(pending.source_path).name) for pending in catalog.pending_clips("space")] == [
        (clip.clip_id, "Mono - Ashes.wav")
    ]


def test_files_that_swap_their_contents_swap_their_clips(catalog: Catalog, music: Path, run: Scan) -> None:
    one, two = write(music / "A - One.wav", 1), write(music / "B - Two.wav", 2)
    run()
    before = {Path(clip.source_path).name: clip.clip_id for clip in catalog.pending_clips("space")}
    one.rename(music / "aside.tmp")
    two.rename(one)
    (music / "aside.tmp").rename(two)
    os.utime(one, ns=(1, 1))
    os.utime(two, ns=(2, 2))
    assert counts(run()) == (2, 0, 2, 0)
    after = {Path(clip.source_path).name: clip.clip_id for clip in catalog.pending_clips("space")}
    assert after == {"A - One.wav": before["B - Two.wav"], "B - Two.wav": before["A - One.wav"]}
    assert shelf(catalog) == [("A", "One"), ("B", "Two")]


def test_a_replaced_file_is_a_new_clip_and_the_old_one_is_not_extracted(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    path = write(music / "Low - Words.wav", 1)
    run()
    (old,) = catalog.pending_clips("space")
    write(path, 2, seconds=7)
    assert counts(run()) == (1, 1, 0, 0)
    (new,) = catalog.pending_clips("space")
    assert (new.clip_id != old.clip_id, new.source_path) == (True, old.source_path)


def test_a_file_that_vanished_keeps_its_rows(catalog: Catalog, music: Path, run: Scan) -> None:
    path = write(music / "Low - Words.wav", 1)
    run()
    before = catalog.counts()
    path.unlink()
    assert counts(run()) == (0, 0, 0, 0)
    assert catalog.counts() == before


def test_a_tracklist_takes_precedence_over_the_path_and_two_ids_are_two_artists(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    for seed, name in enumerate(("Low - a.wav", "b.wav", "c.wav")):
        write(music / name, seed)
    tracklist = (
        "file,artist,title,genre,mbid\n"
        "Low - a.wav,Nirvana,Lithium,Grunge,1\n"
        "b.wav,Nirvana,Rainbow Chaser,Psychedelic Rock;Pop,2\n"
        "missing.wav,Nirvana,,,\n"
        "c.wav,Nirvana,Which?,,\n"
    )
    report = run(tracklist)
    assert counts(report) == (3, 2, 0, 0)
    assert reasons(report) == [("c.wav", 5, "ambiguous_name"), ("tracklist.csv", 4, "file_not_found")]
    assert shelf(catalog) == [("Nirvana", "Lithium"), ("Nirvana", "Rainbow Chaser")]
    assert len(catalog.read_artists()) == 2
    assert {(genre, source) for _, genre, source in genres(catalog)} == {
        ("grunge", "manifest"),
        ("psychedelic rock", "manifest"),
        ("pop", "manifest"),
    }
    cured = run(tracklist.replace("Which?,,", "Which?,,1"))
    assert counts(cured) == (3, 0, 1, 2)


def test_a_row_of_a_tracklist_is_rejected_when_its_file_is_in_none_of_the_folders(music: Path, run: Scan) -> None:
    other = music.parent / "other"
    write(music / "a.wav", 1)
    write(other / "b.wav", 2)
    tracklist = "file,artist\na.wav,Low\nb.wav,Mono\nmissing.wav,Codeine\n"
    first = run(tracklist)
    report = join_reports([first, run(tracklist, folder=other)])
    assert [(row.line, row.reason) for row in report.rejected] == [(4, "file_not_found")]
    assert join_reports([]).rejected == ()


def test_one_recording_under_two_titles_gives_both_tracks_the_path_of_their_file(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    paths = [str(write(music / "a.wav", 1)), str(music / "b.wav")]
    with soundfile.SoundFile(paths[1], "w", samplerate=RATE_HZ, channels=1) as other:
        other.title = "another tag, so that the bytes of the files differ"
        other.write(soundfile.read(paths[0])[0])
    run("file,artist,title\na.wav,Low,Words\nb.wav,Low,Lazy\n")
    assert sorted(track.path for track in catalog.read_tracks()) == sorted(paths)


def test_a_changed_tracklist_moves_clips_and_replaces_genres_without_reading_a_file(
    catalog: Catalog, music: Path, run: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(music / "a.wav", 1)
    write(music / "b.wav", 2)
    header = "file,artist,title,genre\n"
    run(header + "a.wav,Low,One,rock\nb.wav,Low,Two,slowcore\n")
    assert genres(catalog) == {("Low", "rock", "manifest"), ("Low", "slowcore", "manifest")}
    clips = [clip.clip_id for clip in catalog.pending_clips("space")]
    monkeypatch.setattr(DecoderPool, "run", lambda pool, jobs: iter([pytest.fail(str(job)) for job in jobs]))
    assert counts(run(header + "a.wav,LOW,one,pop\nb.wav,Mono,Two,post-rock\n")) == (2, 0, 2, 0)
    assert shelf(catalog) == [("LOW", "one"), ("Mono", "Two")]
    assert genres(catalog) == {("LOW", "pop", "manifest"), ("Mono", "post rock", "manifest")}
    assert [clip.clip_id for clip in catalog.pending_clips("space")] == clips


def test_genres_of_an_earlier_tracklist_stay_when_only_part_is_scanned(
    catalog: Catalog, tmp_path: Path, music: Path, run: Scan
) -> None:
    write(music / "a.wav", 1)
    run("file,artist,genre\na.wav,Low,rock\n")
    other = tmp_path / "other"
    write(other / "b.wav", 2)
    run("file,artist,genre\nother/b.wav,Low,pop\n", folder=other)
    assert genres(catalog) == {("Low", "rock", "manifest"), ("Low", "pop", "manifest")}


def test_a_file_name_in_another_normal_form_is_the_tracklists_file(catalog: Catalog, music: Path, run: Scan) -> None:
    write(music / "Bjo\u0308rk.wav", 1)
    report = run("file,artist,title\nBj\u00f6rk.wav,Björk,Jóga\n")
    assert (counts(report), report.rejected) == ((1, 1, 0, 0), ())


def test_a_file_name_that_is_not_utf_8_has_a_reason(catalog: Catalog, music: Path, run: Scan) -> None:
    source = write(music / "Low - One.wav", 1)
    try:
        shutil.copy(os.fsencode(source), os.fsencode(music) + b"/Beyonc\xe9 - Halo.wav")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    report = run()
    assert counts(report) == (2, 1, 0, 0)
    assert reasons(report) == [("Beyonc\\xe9 - Halo.wav", None, "bad_path")]


@pytest.mark.parametrize("bad", ["\n", "\x1b[2J", "\x7f"])
def test_a_file_name_with_control_characters_has_a_reason_and_is_shown_without_them(
    catalog: Catalog, music: Path, run: Scan, bad: str
) -> None:
    write(music / f"Low - One{bad}.wav", 1)
    (row,) = run().rejected
    assert row.reason == "bad_path"
    assert row.path.isprintable()
    assert f"One\\x{ord(bad[0]):02x}" in row.path


def test_tags_speak_before_the_path_and_bring_genres_and_ids(catalog: Catalog, music: Path, run: Scan) -> None:
    from mutagen.flac import FLAC

    path = write(music / "Wrong" / "wrong.flac", 1)
    tags = FLAC(path)
    tags.update({"artist": "Low", "title": "Words", "genre": "Slow-Core", "musicbrainz_artistid": MBID})
    tags.save()
    assert counts(run()) == (1, 1, 0, 0)
    assert shelf(catalog) == [("Low", "Words")]
    assert genres(catalog) == {("Low", "slow core", "tags")}
    assert [(row.namespace, row.value) for row in catalog.read_external_ids()] == [("mbid", MBID)]


def test_a_part_of_a_library_scanned_again_is_read_as_before(catalog: Catalog, music: Path, run: Scan) -> None:
    write(music / "Low" / "Secret Name" / "01 - Words.wav", 1)
    write(music / "Mono" / "You Are There" / "01 - Ashes.wav", 2)
    run()
    before = shelf(catalog)
    write(music / "Low" / "Trust" / "02 - Canada.wav", 3)
    assert counts(run(folder=music / "Low")) == (2, 1, 0, 1)
    assert shelf(catalog) == sorted([*before, ("Low", "Canada")])
    write(music / "Low" / "One.wav", 4)
    run(folder=music / "Low")
    assert ("Low", "One") in shelf(catalog)


def test_layouts_are_kept_until_another_scan_names_some(catalog: Catalog, music: Path, run: Scan) -> None:
    write(music / "2001 - Trust" / "Low - 02 Canada.wav", 1)
    layout = ScanOptions(layouts=("{year} - {album}/{artist} - {number} {title}",))
    run(options=layout)
    assert shelf(catalog) == [("Low", "Canada")]
    assert counts(run()) == (1, 0, 0, 1)
    assert shelf(catalog) == [("Low", "Canada")]
    run(options=ScanOptions(layouts=("built-in",)))
    assert shelf(catalog) != [("Low", "Canada")]


def test_a_folder_above_the_library_that_was_scanned_by_mistake_is_corrected_by_a_second_scan(
    catalog: Catalog, music: Path, run: Scan
) -> None:
    write(music / "Low" / "Words.wav", 1)
    run(folder=music.parent)
    run()
    assert shelf(catalog) == [("Low", "Words")]


def test_progress_ends_with_every_file_done(catalog: Catalog, music: Path, pool: DecoderPool) -> None:
    for seed in range(3):
        write(music / f"Low - {seed}.wav", seed)
    seen: list[tuple[int, int]] = []
    scan(catalog, music, pool=pool, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_folder_that_is_none_is_an_error(catalog: Catalog, music: Path, run: Scan) -> None:
    with pytest.raises(BadInput, match="not_a_folder"):
        run(folder=music / "nowhere")


@pytest.mark.skipif(not (SHARED / "audio").is_dir(), reason="needs shared/audio beside the checkout")
def test_the_real_folder_gives_74_tracks_of_31_artists(catalog: Catalog, pool: DecoderPool) -> None:
    folder = SHARED / "audio"
    for expected in ((74, 73, 1, 0), (74, 0, 0, 74)):  # two of the files have the same sound under two titles
        options = ScanOptions(tracklist=folder / "manifest.csv")
        report = scan(catalog, folder, options=options, pool=pool, progress=lambda done, total: None)
        assert (counts(report), report.rejected) == (expected, ())
    assert (len(catalog.read_artists()), len(catalog.read_tracks())) == (31, 74)


@pytest.mark.skipif(not (SHARED / "malformed").is_dir(), reason="needs shared/malformed beside the checkout")
def test_the_malformed_folder_gives_each_file_a_clip_or_a_reason(catalog: Catalog, pool: DecoderPool) -> None:
    folder = SHARED / "malformed"
    report = scan(catalog, folder, pool=pool, progress=lambda done, total: None)
    assert report.files == report.new_clips + report.known_clips + len(report.rejected) > 0
    assert all(row.reason and row.detail for row in report.rejected)
