"""What a run cost, by hand."""

from __future__ import annotations

import pytest

from indexer.cost import cost_of
from indexer.embed import EmbedReport


def _report(*, embedded: int, seconds: float) -> EmbedReport:
    return EmbedReport(
        space="s",
        embedded=embedded,
        known=0,
        failed=(),
        failed_before={},
        left_alone=(),
        seconds=seconds,
        audio_s=30.0 * embedded,
    )


def test_a_thousand_artists_of_five_tracks_cost_their_share_of_an_hour() -> None:
    # 240 clips in 120 s are 2 a second; 5,000 take 2,500 s = 0.6944 h; at 3.60 an hour that is 2.50
    cost = cost_of(_report(embedded=240, seconds=120.0), 3.6)
    assert cost is not None
    assert cost.clips_per_second == pytest.approx(2.0)
    assert cost.audio_hours == pytest.approx(2.0)
    assert cost.price_per_1000_artists == pytest.approx(2.5)
    assert cost.line == (
        "cost: 240 clips in 120.0 s, 2.00 clips per second, 2.00 hours of audio; "
        "1,000 artists of 5 tracks: 0.69 h, 2.50 at 3.6 an hour"
    )


def test_without_a_price_no_money_is_named() -> None:
    cost = cost_of(_report(embedded=1, seconds=2.0))
    assert cost is not None
    assert cost.price_per_1000_artists is None
    assert cost.line.endswith("1,000 artists of 5 tracks: 2.78 h")


def test_a_run_that_embedded_nothing_says_nothing_about_cost() -> None:
    assert cost_of(_report(embedded=0, seconds=3.0), 1.0) is None
