"""What the seed projects reckoned by hand: money for a thousand artists of five tracks at a price an hour."""

from __future__ import annotations

import pytest

from indexer.cost import cost_of
from indexer.embed import EmbedReport


def _report(clips: int, seconds: float) -> EmbedReport:
    return EmbedReport(
        space="made",
        embedded=clips,
        known=0,
        failed=(),
        failed_before={},
        left_alone=(),
        seconds=seconds,
        audio_s=30.0 * clips,
    )


@pytest.mark.parametrize(
    ("seconds", "price", "wanted"),
    [
        (80.0, 1.08, 3.0),  # 2 s a track: $0.0006 a track, 5,000 tracks
        (600.0, 1.05, 21.875),  # 15 s a track: 75,000 s are 20.83 h; ten minutes for 40 tracks give no $5
        (3660.0, 0.0, 0.0),  # 61 minutes on a machine of one's own
    ],
)
def test_a_thousand_artists_cost_five_thousand_tracks(seconds: float, price: float, wanted: float) -> None:
    cost = cost_of(_report(40, seconds), price)
    assert cost is not None
    assert cost.price_per_1000_artists == pytest.approx(wanted)
    assert cost.clips_per_second == pytest.approx(40 / seconds)


def test_without_a_price_no_money_is_named() -> None:
    cost = cost_of(_report(40, 80.0))
    assert cost is not None
    assert cost.price_per_1000_artists is None
    assert cost.line.endswith(" h")
    priced = cost_of(_report(40, 80.0), 1.0)
    assert priced is not None
    assert priced.line.endswith(" at 1 an hour")
