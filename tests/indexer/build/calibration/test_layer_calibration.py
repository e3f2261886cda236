"""A build calibrates every layer, says how far that can be trusted, and never fails for one artist."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from evaluation.fit_weights import save as save_weights
from indexer.build.build import BuildOptions
from indexer.build.calibration.bundle_choice import fit_layer
from indexer.build.calibration.calibration_fit import Reference
from indexer.build.calibration.layer_calibration import EmbeddedArtists, write_calibration
from indexer.build.calibration.percentiles import keep_fitted, reference_of
from recommender.calibration.bundle_files import load, load_stats
from recommender.calibration.cohort import Method, Status, measure
from recommender.calibration.percentiles import percentile
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.fusion.learned_weights import FittedWeights, Provenance
from recommender.generation.manifest import Manifest, with_sum
from recommender.generation.open_generation import MANIFEST, Generation, checksum_file, open_generation, read_manifest
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.signals.genre import GenreSignal
from recommender.types import SignalName
from tests.catalog_rows import add_artist
from tests.factories import make_space
from tests.indexer.build.homes import (
    SPACE,
    add_clip,
    add_music,
    directions,
    embed,
    open_catalog,
    run_build,
    run_publish,
    staged,
)

ARTISTS = 60
LEARNED = FittedWeights(
    intercept=-1.0,
    slopes=(1.0, 0.5, 0.5, 0.5),
    missing=(0.0, 0.0, 0.0, 0.0),
    pairs_with_opinion=(1, 1, 1, 1),
    refused=(),
    folds=(),
    queries=2,
    pairs=4,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of sixty artists, with what was staged in it."""
    home = tmp_path_factory.mktemp("sixty")
    add_music(home, range(ARTISTS), tracks=2, clips=1)
    run_build(home)
    return home


@pytest.fixture(scope="module")
def generation(built: Path) -> Generation:
    return open_generation(staged(built))


def sums(manifest: Manifest) -> dict[str, str]:
    return {entry.name: entry.xxh3_128 for entry in manifest.files}


def rewrite(folder: Path, name: str, **changes: object) -> None:
    """Change values of a JSON file of a generation, and make the manifest fit."""
    path = folder / name
    path.chmod(0o644)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    manifest = json.loads((folder / MANIFEST).read_text())
    fresh = checksum_file(path)
    for entry in manifest["files"]:
        if entry["name"] == name:
            entry.update(size=fresh.size, xxh3_128=fresh.xxh3_128, sha256=fresh.sha256)
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))


def test_the_manifest_says_of_each_layer_how_far_it_is_calibrated(generation: Generation) -> None:
    entries = generation.manifest.calibrations
    assert [(entry.layer, entry.status, entry.method, entry.reference_artists) for entry in entries] == [
        (layer, "provisional", "pipeline", ARTISTS) for layer in SPACE.layer_names
    ]
    assert {(entry.unmeasured, entry.examples, entry.note) for entry in entries} == {(0, (), "")}
    assert len({entry.key for entry in entries}) == len(entries)
    assert [layer.bundle.key for layer in generation.calibration.layers.values()] == [entry.key for entry in entries]


def test_every_artist_is_measured_by_its_own_tracks(built: Path, generation: Generation) -> None:
    vectors, owners = directions(built, 2)
    high = generation.calibration.layers["high"]
    for row, artist in enumerate(generation.contents.artists.ids):
        own = np.array([vector for track, vector in sorted(vectors.items()) if owners[track] == artist])
        expected = measure(high.bundle, own, without={artist})
        assert high.artists.mean[row] == pytest.approx(expected.mean, abs=1e-5)
        assert high.artists.sd[row] == pytest.approx(expected.sd, abs=1e-5)
        assert high.artists.tracks[row] == 2
        np.testing.assert_allclose(high.artists.vectors[row], expected.vector, atol=1e-4)


def test_a_calibrated_build_answers_by_evidence(generation: Generation) -> None:
    assert generation.calibration.choices.default.name == "evidence"
    query = ArtistQuery(seeds=(0,), mix={"low": 1.0})
    best, *_ = Recommender(generation).rank_artists(query, offset=0, n=5)
    assert best.breakdown[0].percentile > 0.9
    assert best.base == 0.25


def test_few_artists_are_not_calibrated_and_audio_speaks_by_the_pairs_there_are(tmp_path: Path) -> None:
    add_music(tmp_path, range(5))
    manifest = run_build(tmp_path)
    assert {(entry.status, entry.method, entry.reference_artists) for entry in manifest.calibrations} == {
        ("uncalibrated", "raw", 5)
    }
    opened = open_generation(staged(tmp_path))
    assert not opened.calibration.percentiles
    assert opened.calibration.choices.default.name == "evidence"
    bundle = opened.calibration.layers["low"].bundle
    assert (len(bundle.cohort_ids), bundle.quantiles.size) == (5, 2001)
    recommender = Recommender(opened)
    line = recommender.compare(0, 1, mix={"low": 1.0}).breakdown[0]
    assert line.value == max(line.raw, 0.0)
    # Ten pairs cannot tell more than ten to one for the nearest of them.
    strengths = recommender.audio({"low": 1.0}).strengths((0,))[0, 1:]
    assert 0 < strengths.max() <= np.log1p(10 / 30)


def test_a_catalog_without_audio_has_no_calibration(tmp_path: Path) -> None:
    with open_catalog(tmp_path) as catalog:
        add_artist(catalog, "only a name")
    assert run_build(tmp_path).calibrations == ()
    assert open_generation(staged(tmp_path)).calibration.layers == {}


def test_an_incremental_build_calibrates_to_the_same_files(tmp_path: Path) -> None:
    add_music(tmp_path, range(50), tracks=2, clips=1)
    run_build(tmp_path)
    run_publish(tmp_path)
    add_music(tmp_path, range(50, 53), tracks=2, clips=1)
    full = run_build(tmp_path)
    again = run_build(tmp_path, BuildOptions(incremental=True))
    assert (again.taken.tracks, full.taken.tracks) == (100, 0)
    assert sums(again) == sums(full)
    assert again.calibrations == full.calibrations
    assert {entry.status for entry in full.calibrations} == {"provisional"}


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("L01.calibration.json", {"space": "0123456789abcdef"}, "vectors of two spaces are never compared"),
        ("L01.calibration.json", {"key": "f" * 64}, "is not the bundle that the manifest names"),
        ("L01.calibration.json", {"layer": "low"}, "is not the bundle that the manifest names"),
        ("L01.measured.bundle.json", {"key": "f" * 64}, "was made with another bundle"),
    ],
)
def test_a_bundle_of_something_else_is_not_opened(
    tmp_path: Path, name: str, changes: dict[str, object], said: str
) -> None:
    add_music(tmp_path, range(3))
    run_build(tmp_path)
    rewrite(staged(tmp_path), name, **changes)
    with pytest.raises(GenerationCorrupt, match=said):
        open_generation(staged(tmp_path))


def test_a_manifest_that_leaves_out_a_calibration_is_not_opened(tmp_path: Path) -> None:
    add_music(tmp_path, range(3))
    run_build(tmp_path)
    folder = staged(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["calibrations"].pop()
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))
    with pytest.raises(GenerationCorrupt, match="one calibration a layer"):
        open_generation(folder)
    manifest["calibrations"] = []  # as where nothing is embedded
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))
    assert open_generation(folder).calibration.layers == {}
    assert read_manifest(folder)[0].calibrations == ()


def test_weights_learned_from_labels_come_with_the_generation(tmp_path: Path) -> None:
    add_music(tmp_path, range(ARTISTS), tracks=2, clips=1)
    save_weights(tmp_path / "fitted.json", LEARNED, Provenance(labels_sha256="0" * 64, date="2026-11-21", space=""))
    run_build(tmp_path)
    opened = open_generation(staged(tmp_path))
    assert opened.calibration.choices.named["fitted"] == LEARNED.profile
    (tmp_path / "fitted.json").write_text("{}")
    with pytest.raises(InvalidArgument, match="fit them again"):
        run_build(tmp_path)


def test_weights_learned_in_another_space_stay_out_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    for space, kept in ((SPACE.fingerprint, True), ("0123456789abcdef", False)):
        made = Provenance(labels_sha256="0" * 64, date="2026-11-21", space=space)
        save_weights(tmp_path / "fitted.json", LEARNED, made)
        keep_fitted(tmp_path, tmp_path / "folder", SPACE)
        assert (tmp_path / "folder" / "fitted.json").exists() == kept
        (tmp_path / "folder" / "fitted.json").unlink(missing_ok=True)
    assert "was learned in space 0123456789abcdef" in caplog.text


def roster(owned: list[list[int]]) -> EmbeddedArtists:
    ids = tuple(f"a{artist:02d}" for artist in range(len(owned)))
    return EmbeddedArtists(
        ids=ids, genres=("",) * len(owned), tracks=tuple(np.array(rows, dtype=np.int64) for rows in owned)
    )


def test_an_artist_that_cannot_be_measured_is_recorded_and_the_others_are_measured(tmp_path: Path) -> None:
    space = make_space(("only",), dim=3)
    tracks = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float32)
    entry = write_calibration(tmp_path, 0, space=space, tracks=tracks, owners=roster([[0], [1], [2, 3]]))
    assert (entry.unmeasured, entry.examples) == (1, ("a02",))
    bundle = load(tmp_path, "L00.calibration", space=space.fingerprint)
    found = load_stats(tmp_path, "L00.measured", bundle=bundle)
    assert np.isnan(found.mean).tolist() == [False, False, True]
    assert found.tracks.tolist() == [1, 1, 2]


def test_a_layer_that_cannot_be_fitted_is_left_uncalibrated_and_says_why() -> None:
    space = make_space(("only",), dim=3)
    same = np.tile(np.array([1, 0, 0], dtype=np.float32), (100, 1))
    ids = tuple(f"a{artist:02d}" for artist in range(50))
    fitted = fit_layer(Reference(ids=ids, artist=np.repeat(np.arange(50), 2), tracks=same), space=space, layer="only")
    assert (fitted.bundle.status, fitted.bundle.method) == (Status.UNCALIBRATED, Method.RAW)
    assert "all track vectors are the same" in fitted.note


def test_percentiles_are_those_of_all_pairs_where_there_are_few(generation: Generation) -> None:
    signal = GenreSignal(generation.contents.relations.genre_weights)
    assert reference_of(signal).values.size == 0  # nobody has a genre here
    assert set(generation.calibration.percentiles) == {SignalName.SCENE, SignalName.GENRE, SignalName.COLLABORATION}


def test_percentiles_leave_out_what_an_artist_thinks_of_itself() -> None:
    weights = csr_array(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    found = reference_of(GenreSignal(weights))  # pairs: 0-1 is 1, 0-2 and 1-2 are 1/2; the last knows nothing
    assert found.values == pytest.approx([0.5, 1.0])
    assert percentile(found, np.array([0.5, 1.0])) == pytest.approx([1 / 3, 5 / 6])


def test_clips_of_the_only_track_stand_in_for_tracks_unless_they_are_copies() -> None:
    random = np.random.default_rng(0)
    tracks = random.normal(size=(70, 6)).astype(np.float32)
    windows = random.normal(size=(120, 6)).astype(np.float32)
    windows[1] = 3 * windows[0]  # the same sound twice, at another level
    artists = replace(
        roster([[row] for row in range(60)] + [[60 + row, 65 + row] for row in range(5)]),
        window_clips=tuple((f"{row} one", f"{row} two") for row in range(60)) + ((),) * 5,
    )
    assert artists.reference(tracks).paired == 5
    reference = replace(artists, windows=windows).reference(tracks)
    assert (len(reference.ids), reference.paired) == (64, 64), "59 by their clips and 5 by their tracks"
    assert "a00" not in reference.ids
    expected = windows[2:4] / np.linalg.norm(windows[2:4], axis=1, keepdims=True)
    np.testing.assert_allclose(reference.of(reference.ids.index("a01")), expected, rtol=1e-6)
    np.testing.assert_array_equal(reference.of(reference.ids.index("a62")), tracks[[62, 67]])


def test_artists_of_one_track_with_two_clips_are_whitened_and_an_incremental_build_agrees(tmp_path: Path) -> None:
    with open_catalog(tmp_path) as catalog, catalog.transaction():
        clips = [add_clip(catalog, f"artist {row}", "the only one", clip) for row in range(120) for clip in range(2)]
        clips += [add_clip(catalog, f"artist {row}", "another", 0) for row in range(13)]
    embed(tmp_path, clips)
    first = run_build(tmp_path)
    assert {(entry.status, entry.reference_artists) for entry in first.calibrations} == {("provisional", 120)}
    bundle = load(staged(tmp_path), "L00.calibration", space=SPACE.fingerprint)
    assert bundle.projection is not None
    run_publish(tmp_path)
    add_music(tmp_path, range(120, 122), tracks=1, clips=1)
    full = run_build(tmp_path)
    again = run_build(tmp_path, BuildOptions(incremental=True))
    assert again.taken.tracks == 133
    assert sums(again) == sums(full)
    assert again.calibrations == full.calibrations


def test_a_manifest_of_an_earlier_release_is_opened(tmp_path: Path) -> None:
    add_music(tmp_path, range(3))
    run_build(tmp_path)
    folder = staged(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    for entry in manifest["calibrations"]:
        del entry["compared"]
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))
    opened = open_generation(folder)
    assert [entry.compared for entry in opened.manifest.calibrations] == [()] * len(SPACE.layers)
    assert len(opened.calibration.layers) == len(SPACE.layers)
