"""Which calibration a layer gets: its own, the one that ships, or the raw cosine."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.build.calibration import bundle_choice
from indexer.build.calibration.bundle_choice import fit_layer
from indexer.build.calibration.calibration_fit import Reference, fit
from recommender.calibration.cohort import Bundle, Method, Status
from tests.factories import make_space
from tests.indexer.build.calibration.test_split_halves import DIM, SPACE, reference


def borrow(monkeypatch: pytest.MonkeyPatch, bundle: Bundle) -> None:
    """Let ``bundle`` be what ships for every layer."""
    monkeypatch.setattr(bundle_choice, "borrowed_bundle", lambda space, layer: bundle)


def shipped(*, wide: int = 0) -> Bundle:
    """A bundle of other artists whose tracks vary in the first ``wide`` dimensions."""
    other = reference([4] * 90, noise=0.3, wide=wide)
    made = fit(other, space=SPACE, layer="only")
    return Bundle(
        space=made.space,
        layer="only",
        method=made.method,
        status=Status.BORROWED,
        mean=made.mean,
        projection=made.projection,
        cohort=made.cohort,
        cohort_ids=tuple(f"borrowed {row}" for row in range(len(made.cohort))),
        quantiles=made.quantiles,
        reference_artists=90,
        key="shipped",
    )


@pytest.mark.parametrize("artists", [2, 8, 20, 49])
def test_a_small_catalog_borrows_and_says_so(artists: int, monkeypatch: pytest.MonkeyPatch) -> None:
    borrow(monkeypatch, shipped())
    fitted = fit_layer(reference([2] * artists, noise=0.3), space=SPACE, layer="only")
    assert (fitted.bundle.status, fitted.bundle.key, fitted.note) == (Status.BORROWED, "shipped", "")
    assert fitted.bundle.summary.startswith("borrowed, method pipeline: fitted on 90 reference artists of music that")


def test_fifty_artists_with_two_tracks_are_calibrated_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    borrow(monkeypatch, shipped())
    fitted = fit_layer(reference([2] * 50 + [1] * 10, noise=0.3), space=SPACE, layer="only")
    assert (fitted.bundle.status, fitted.bundle.projection is not None) == (Status.PROVISIONAL, True)
    assert fitted.compared == (), "three quarters of them would be too few to whiten"


def test_what_ships_stays_as_long_as_it_is_clearly_better_than_the_own(monkeypatch: pytest.MonkeyPatch) -> None:
    borrow(monkeypatch, shipped(wide=4))
    few = reference([2] * 40 + [1] * 40, noise=0.3, wide=4)  # too few pairs to whiten
    fitted = fit_layer(few, space=SPACE, layer="only")
    (borrowed, raw) = fitted.compared
    assert (borrowed.other, raw.other, raw.artists) == ("borrowed", "raw", 40)
    assert borrowed.high < 0
    assert (fitted.bundle.status, fitted.bundle.key) == (Status.BORROWED, "shipped")
    enough = fit_layer(reference([2] * 160, noise=0.3, wide=4), space=SPACE, layer="only")
    assert (enough.bundle.status, enough.bundle.projection is not None) == (Status.PROVISIONAL, True)
    assert enough.compared[1].low > 0, "whitening helps these"


def test_a_layer_that_whitening_harms_keeps_the_raw_cosine_with_a_scale() -> None:
    # Artists differ in few directions; whitening raises the many others, in which there is noise alone.
    random = np.random.default_rng(1)
    artist = np.repeat(np.arange(90), 2)
    own = random.normal(size=(90, DIM)) * np.where(np.arange(DIM) < 3, 1.0, 0.0)
    tracks = own[artist] + random.normal(size=(180, DIM)) * np.where(np.arange(DIM) < 3, 0.15, 0.02)
    ids = tuple(f"a{row:04d}" for row in range(90))
    music = Reference(ids=ids, artist=artist, tracks=tracks.astype(np.float32))
    fitted = fit_layer(music, space=SPACE, layer="only")
    (entry,) = fitted.compared
    assert (entry.other, entry.artists) == ("raw", 90)
    assert entry.high < 0
    assert (fitted.bundle.method, fitted.bundle.status) == (Method.RAW, Status.PROVISIONAL)
    assert fitted.bundle.quantiles.size
    again = fit_layer(music, space=SPACE, layer="only")
    assert (again.bundle.key, again.compared) == (fitted.bundle.key, fitted.compared)


def test_undecided_the_usual_one_stays() -> None:
    noise = reference([2] * 80, noise=1000.0)
    fitted = fit_layer(noise, space=SPACE, layer="only")
    assert [entry.other for entry in fitted.compared] == ["raw"]
    assert fitted.compared[0].low < 0 < fitted.compared[0].high
    assert fitted.bundle.method is Method.PIPELINE


def test_one_hundred_and_twenty_artists_of_whom_few_have_two_tracks_are_calibrated() -> None:
    sizes = [5] * 25 + [4] * 11 + [1] * 84
    music = reference(sizes, noise=0.3)
    assert (len(music.ids), len(music.artist), music.paired) == (120, 253, 36)
    fitted = fit_layer(music, space=make_space(("only",), dim=DIM), layer="only")
    assert fitted.bundle.status is Status.PROVISIONAL
    assert [(entry.other, entry.artists) for entry in fitted.compared] == [("raw", 36)]
    assert (len(fitted.bundle.cohort_ids), fitted.bundle.quantiles.size) == (120, 2001)
