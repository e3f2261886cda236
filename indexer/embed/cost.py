"""Computes the success rate and the cost of an embedding run, and extrapolates both to a larger catalog."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.embed.embed import EmbedReport
from recommender.errors import InvalidArgument

ARTISTS = 1_000
TRACKS_EACH = 5
"""The catalog that every cost is extrapolated to, so that runs of different sizes can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """How many clips of a catalog are embedded in one space, by this run and earlier ones."""

    embedded: int
    clips: int

    @property
    def share(self) -> float:
        """0 to 1; 1 for an empty catalog, where nothing is missing."""
        return self.embedded / self.clips if self.clips else 1.0

    @property
    def line(self) -> str:
        """One line of text. The percentage is rounded down, so that 100 % always means all clips."""
        if not self.clips:
            return "nothing to embed: the catalog has no clip; run soundkin scan"
        percent = int(self.share * 1000) / 10
        return f"embedded {self.embedded} of {self.clips} clips ({percent:.1f} %)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Time and price of embedding a number of tracks."""

    tracks: int
    hours: float
    price: float | None
    """In the currency of the price per hour; None without one."""

    @property
    def line(self) -> str:
        """One line of text, the price with three decimals."""
        price = "" if self.price is None else f", {self.price:,.3f}"
        return f"{self.tracks:,} tracks: {self.hours:.2f} h{price}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The rate and price of a run, from audio files to stored embeddings, without loading the encoder."""

    clips: int
    seconds: float
    clips_per_second: float
    audio_hours: float
    hours_per_1000_artists: float
    """Hours of computing for 1,000 artists of 5 tracks each, at this rate."""
    price_per_hour: float | None
    price: float | None
    """Price of this run, in the currency of the price per hour; None without one."""
    price_per_1000_artists: float | None

    @property
    def line(self) -> str:
        """One line of text."""
        run, artists, rate = "", "", ""
        if self.price is not None and self.price_per_1000_artists is not None:
            run, artists = f", {self.price:,.3f}", f", {self.price_per_1000_artists:,.2f}"
            rate = f"; at {self.price_per_hour:g} an hour"
        return (
            f"cost: {self.clips} clips in {self.seconds:.1f} s{run}, {self.clips_per_second:.2f} clips per second, "
            f"{self.audio_hours:.2f} hours of audio; {ARTISTS:,} artists of {TRACKS_EACH} tracks: "
            f"{self.hours_per_1000_artists:.2f} h{artists}{rate}"
        )


def success_of(report: EmbedReport) -> Success:
    """The success of a run. Clips that failed in any run, and clips not tried yet, count as missing."""
    embedded = report.known + report.embedded
    missing = len(report.failed) + len(report.left_alone) + report.left
    return Success(embedded=embedded, clips=embedded + missing)


def estimate(tracks: int, *, clips_per_second: float, price_per_hour: float | None = None) -> Estimate:
    """Estimate ``tracks`` of one clip each, at a measured rate: hours = tracks / clips_per_second / 3600.

    Raises InvalidArgument for a rate that is not above 0.

    >>> estimate(40, clips_per_second=0.5, price_per_hour=1.08).line
    '40 tracks: 0.02 h, 0.024'
    """
    if not clips_per_second > 0:
        raise InvalidArgument("rate", f"{clips_per_second:g} clips per second never end; give a rate above 0")
    hours = tracks / clips_per_second / 3600
    return Estimate(tracks=tracks, hours=hours, price=None if price_per_hour is None else hours * price_per_hour)


def cost_of(report: EmbedReport, price_per_hour: float | None = None) -> Cost | None:
    """The cost of a run; None for a run that embedded nothing and so has no rate."""
    if not report.embedded or report.seconds <= 0:
        return None
    rate = report.embedded / report.seconds
    extrapolated = estimate(ARTISTS * TRACKS_EACH, clips_per_second=rate, price_per_hour=price_per_hour)
    return Cost(
        clips=report.embedded,
        seconds=report.seconds,
        clips_per_second=rate,
        audio_hours=report.audio_s / 3600,
        hours_per_1000_artists=extrapolated.hours,
        price_per_hour=price_per_hour,
        price=None if price_per_hour is None else report.seconds / 3600 * price_per_hour,
        price_per_1000_artists=extrapolated.price,
    )
