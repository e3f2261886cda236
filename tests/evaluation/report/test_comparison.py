"""Two runs beside each other: another context, another encoder, another night."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from evaluation.evaluate import Inputs, evaluate
from evaluation.report.comparison import VIEW_NUMBERS, FigureChange, compare_runs, comparison_sections
from evaluation.results import EvaluationRun
from tests.evaluation.kin import NOISE, SOUND, catalog, families_csv, name
from tests.factories import MadeCatalog, make_generation

CHUNKED = "mert-v1-95m@abc; chunked:10"


def narrow(made: MadeCatalog) -> MadeCatalog:
    """The same artists with every track moved towards one point, in a space of another context."""
    artists = tuple(
        replace(
            artist,
            tracks=tuple(
                replace(
                    track, vectors={layer: [each + 0.8 for each in vector] for layer, vector in track.vectors.items()}
                )
                for track in artist.tracks
            ),
        )
        for artist in made.artists
    )
    return replace(made, artists=artists, space=structs.replace(made.space, revision=CHUNKED))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[EvaluationRun, EvaluationRun]:
    """The families embedded in full and in chunks, with the same truth and pairs."""
    folder = tmp_path_factory.mktemp("versus")
    (folder / "p.csv").write_text(f"a,b,expected\n{name(0, 0)},{name(1, 1)},low\n")
    inputs = Inputs(truth=families_csv(folder / "t.csv"), pairs=folder / "p.csv", k=2)
    full, chunked = (evaluate(make_generation(made), inputs) for made in (catalog(), narrow(catalog())))
    return full, chunked


def test_what_was_chosen_differently_is_named(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    found = compare_runs(*runs)
    chosen = {each.name: (each.before, each.after) for each in found.settings}
    before, after = chosen["encoder"]
    assert CHUNKED in before
    assert CHUNKED not in after
    assert chosen["layers"] == ("2 of 8", "2 of 8")
    assert chosen["best layer"][1] == SOUND
    assert chosen["artists, tracks"] == ("13, 48", "13, 48")
    assert chosen["overlap"] == (runs[1].baseline.overlap.summary, runs[0].baseline.overlap.summary)
    assert any("two spaces are on two scales" in note for note in found.notes)
    assert not any(note.startswith("other k") for note in found.notes)
    longer = replace(runs[1], asked=replace(runs[1].asked, k=9))
    assert "other k: 9, here 2; measures with an @ are not comparable" in compare_runs(runs[0], longer).notes


def test_each_layers_range_is_shown_before_and_after(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    full, chunked = runs
    found = {each.name: each for each in compare_runs(full, chunked).views}
    assert len(found) == 2 * len(VIEW_NUMBERS)
    for ours, theirs in zip(full.views, chunked.views, strict=True):
        assert (found[f"{ours.name}: span"].before, found[f"{ours.name}: span"].after) == (
            theirs.spread.span,
            ours.spread.span,
        )
        assert found[f"{ours.name}: min"].before > found[f"{ours.name}: min"].after
    assert found[f"{SOUND}: span"].after > found[f"{SOUND}: span"].before, "what was moved together is narrower"


def test_a_layer_that_only_one_run_has_stands_alone(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    full, chunked = runs
    fewer = replace(chunked, views=tuple(view for view in chunked.views if view.name == SOUND))
    found = {each.name: each for each in compare_runs(full, fewer).views}
    assert np.isnan(found[f"{NOISE}: span"].before)
    assert found[f"{NOISE}: span"].after == full.views[1].spread.span


def test_a_change_is_shown_as_a_share_of_the_value_before(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    # the prototype, 10 s chunks against 30 s clips: range .163 -> .280, lowest .808 -> .493
    assert FigureChange(name="span", before=0.163, after=0.280).share == pytest.approx(0.72, abs=0.005)
    assert FigureChange(name="min", before=0.808, after=0.493).share == pytest.approx(-0.39, abs=0.005)
    assert np.isnan(FigureChange(name="none", before=0.0, after=1.0).share)
    made = replace(
        compare_runs(*runs), figures=(FigureChange(name="span", before=0.163, after=0.280),), pairs=(), views=()
    )
    (_, changes) = comparison_sections(made)
    assert changes.table is not None
    assert changes.table.rows == (("span", "0.163", "0.280", "+0.117 (+72 %)"),)


def test_pairs_and_queries_in_both_are_compared(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    found = compare_runs(*runs)
    (pair,) = found.pairs
    assert pair.after < pair.before, "unlike artists are further apart where nothing was moved together"
    assert found.primary.difference.n == 12
    assert found.primary.detectable >= 0.0


def test_two_encoders_are_compared_without_labels_artist_by_artist(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    full, _ = runs
    assert len(full.selection.halves) == 12
    assert set(full.selection.halves.values()) == {1.0}, "every half finds its other half first"
    worse = dict.fromkeys(full.selection.halves, 0.25)
    other = replace(full, selection=replace(full.selection, halves=worse))
    found = compare_runs(full, other).halves
    assert (found.difference.mean, found.difference.n) == (0.75, 12)
    assert found.p_value == pytest.approx(2 / 2**12)
    fewer = replace(other, selection=replace(full.selection, halves={"f0m0": 1.0}))
    assert compare_runs(full, fewer).halves.difference.n == 0, "one artist alone always finds itself"


def test_the_chosen_layer_is_watched_from_run_to_run(runs: tuple[EvaluationRun, EvaluationRun]) -> None:
    full, _ = runs
    assert f"best view by artist-split retrieval: still {SOUND}" in compare_runs(full, full).notes
    other = replace(full, selection=replace(full.selection, best=NOISE))
    assert f"best view by artist-split retrieval: {NOISE} before, now {SOUND}" in compare_runs(full, other).notes


def test_without_another_run_there_is_no_section_on_one() -> None:
    assert list(comparison_sections(None)) == []
