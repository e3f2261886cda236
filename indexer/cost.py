"""What a run cost: its rate, and what the same would cost for a whole line-up of artists."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.embed import EmbedReport

ARTISTS = 1_000
TRACKS_EACH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The rate of a run, from files to sealed embeddings; loading the encoder is not in it."""

    clips: int
    seconds: float
    clips_per_second: float
    audio_hours: float
    hours_per_1000_artists: float
    """Of computing, for 1,000 artists of 5 tracks each at this rate."""
    price_per_hour: float | None
    price_per_1000_artists: float | None
    """In the currency of the price; None when no price was given."""

    @property
    def line(self) -> str:
        """All of it on one line."""
        money = ""
        if self.price_per_1000_artists is not None:
            money = f", {self.price_per_1000_artists:,.2f} at {self.price_per_hour:g} an hour"
        return (
            f"cost: {self.clips} clips in {self.seconds:.1f} s, {self.clips_per_second:.2f} clips per second, "
            f"{self.audio_hours:.2f} hours of audio; {ARTISTS:,} artists of {TRACKS_EACH} tracks: "
            f"{self.hours_per_1000_artists:.2f} h{money}"
        )


def cost_of(report: EmbedReport, price_per_hour: float | None = None) -> Cost | None:
    """What ``report`` says about cost; None for a run that embedded nothing, which says nothing."""
    if not report.embedded or report.seconds <= 0:
        return None
    rate = report.embedded / report.seconds
    hours = ARTISTS * TRACKS_EACH / rate / 3600
    return Cost(
        clips=report.embedded,
        seconds=report.seconds,
        clips_per_second=rate,
        audio_hours=report.audio_s / 3600,
        hours_per_1000_artists=hours,
        price_per_hour=price_per_hour,
        price_per_1000_artists=None if price_per_hour is None else hours * price_per_hour,
    )
