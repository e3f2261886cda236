"""What a run cost and what others would, by hand; how much of a catalog it covered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexer.embed.cost import cost_of, estimate, success_of
from indexer.embed.embed import EmbedReport
from recommender.errors import InvalidArgument
from soundkin import front_door

FAILED = (("a.mp3", "silent", "nothing to hear"),)


def _report(*, embedded: int, seconds: float = 1.0, known: int = 0, failed: int = 0, left: int = 0) -> EmbedReport:
    return EmbedReport(
        space="s",
        embedded=embedded,
        known=known,
        failed=FAILED * failed,
        failed_before={},
        left_alone=(),
        seconds=seconds,
        audio_s=30.0 * embedded,
        left=left,
    )


def test_a_run_costs_its_share_of_an_hour_and_a_thousand_artists_theirs() -> None:
    # 120 s at 3.60 an hour are 0.12; 240 clips in 120 s are 2 a second; 5,000 take 2,500 s = 0.6944 h: 2.50
    cost = cost_of(_report(embedded=240, seconds=120.0), 3.6)
    assert cost is not None
    assert cost.price == pytest.approx(0.12)
    assert cost.clips_per_second == pytest.approx(2.0)
    assert cost.audio_hours == pytest.approx(2.0)
    assert cost.price_per_1000_artists == pytest.approx(2.5)
    assert cost.line == (
        "cost: 240 clips in 120.0 s, 0.120, 2.00 clips per second, 2.00 hours of audio; "
        "1,000 artists of 5 tracks: 0.69 h, 2.50; at 3.6 an hour"
    )


@pytest.mark.parametrize(
    ("seconds", "price", "run", "artists"),
    [
        (80.0, 1.08, 0.024, 3.0),  # 2 s a track: $0.0006 a track, 40 and 5,000 of them
        (600.0, 1.05, 0.175, 21.875),  # the seeds' ten minutes, $0.18; 15 s a track give 20.83 h, not $5
        (3660.0, 0.0, 0.0, 0.0),  # 61 minutes on a machine of one's own
    ],
)
def test_the_prices_that_the_seeds_reckoned(seconds: float, price: float, run: float, artists: float) -> None:
    cost = cost_of(_report(embedded=40, seconds=seconds), price)
    assert cost is not None
    assert cost.price == pytest.approx(run)
    assert cost.price_per_1000_artists == pytest.approx(artists)


def test_without_a_price_no_money_is_named() -> None:
    cost = cost_of(_report(embedded=1, seconds=2.0))
    assert cost is not None
    assert (cost.price, cost.price_per_1000_artists) == (None, None)
    assert cost.line == (
        "cost: 1 clips in 2.0 s, 0.50 clips per second, 0.01 hours of audio; 1,000 artists of 5 tracks: 2.78 h"
    )


def test_a_run_that_embedded_nothing_says_nothing_about_cost() -> None:
    assert cost_of(_report(embedded=0, seconds=3.0), 1.0) is None


@pytest.mark.parametrize(("tracks", "price"), [(40, 0.024), (5_000, 3.0)])
def test_tracks_are_estimated_from_a_rate_without_a_run(tracks: int, price: float) -> None:
    found = estimate(tracks, clips_per_second=0.5, price_per_hour=1.08)
    assert found.price == pytest.approx(price)
    assert found.hours == pytest.approx(tracks * 2 / 3600)
    assert estimate(tracks, clips_per_second=0.5).price is None


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_never_comes_to_an_end_is_refused(rate: float) -> None:
    with pytest.raises(InvalidArgument, match="rate"):
        estimate(1, clips_per_second=rate)


def test_the_command_estimates_in_words_and_in_json() -> None:
    words = ["cost", "--tracks", "5000", "--rate", "0.5", "--price-per-hour", "1.08"]
    assert CliRunner().invoke(front_door, words).output == "5,000 tracks: 2.78 h, 3.000\n"
    found = json.loads(CliRunner().invoke(front_door, [*words, "--json"]).output)
    assert (found["tracks"], found["price"]) == (5000, pytest.approx(3.0))
    assert CliRunner().invoke(front_door, ["cost", "--tracks", "1", "--rate", "0"]).exit_code == 2


def test_success_counts_all_clips_of_the_catalog() -> None:
    # 30 before, 6 now; 1 failed, 2 were left for another run: 36 of 39 are 92.3 %
    success = success_of(_report(embedded=6, known=30, failed=1, left=2))
    assert (success.embedded, success.clips) == (36, 39)
    assert success.line == "embedded 36 of 39 clips (92.3 %)"


def test_success_is_never_rounded_up_to_all() -> None:
    assert success_of(_report(embedded=9_999, failed=1)).line == "embedded 9999 of 10000 clips (99.9 %)"
    assert success_of(_report(embedded=40)).line == "embedded 40 of 40 clips (100.0 %)"


def test_nothing_is_not_all_of_nothing() -> None:
    assert success_of(_report(embedded=0)).line == "nothing to embed: the catalog has no clip; run soundkin scan"


def test_an_empty_folder_of_music_is_no_failure(tmp_path: Path) -> None:
    done = CliRunner().invoke(front_door, ["embed", "--home", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["success"], found["cost"]) == ({"embedded": 0, "clips": 0}, None)
