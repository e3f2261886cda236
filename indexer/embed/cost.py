"""What computing costs: the rate of a run, its money, and what the same would cost for a whole line-up of artists."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.embed.embed import EmbedReport
from recommender.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """What became of all the clips of a catalog in one space, in this run and those before it."""

    embedded: int
    clips: int

    @property
    def share(self) -> float:
        """0 to 1; 1 of an empty catalog, where nothing is missing."""
        return self.embedded / self.clips if self.clips else 1.0

    @property
    def line(self) -> str:
        """On one line. Rounded down: 100 % is said of all clips only."""
        if not self.clips:
            return "nothing to embed: the catalog has no clip; run soundkin scan"
        percent = int(self.share * 1000) / 10
        return f"embedded {self.embedded} of {self.clips} clips ({percent:.1f} %)"


def success_of(report: EmbedReport) -> Success:
    """Count the clips of ``report``: those that failed in any run, and those that were not tried, are missing."""
    embedded = report.known + report.embedded
    missing = len(report.failed) + len(report.left_alone) + report.left
    return Success(embedded=embedded, clips=embedded + missing)


ARTISTS = 1_000
TRACKS_EACH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Time and money for a number of tracks."""

    tracks: int
    hours: float
    price: float | None
    """In the currency of the price an hour; None when there was none."""

    @property
    def line(self) -> str:
        """All of it on one line, money to the tenth of a cent."""
        money = "" if self.price is None else f", {self.price:,.3f}"
        return f"{self.tracks:,} tracks: {self.hours:.2f} h{money}"


def estimate(tracks: int, *, clips_per_second: float, price_per_hour: float | None = None) -> Estimate:
    """What ``tracks`` take, one clip each, at a rate that was measured. Raises InvalidArgument for a rate of none.

    >>> estimate(40, clips_per_second=0.5, price_per_hour=1.08).line
    '40 tracks: 0.02 h, 0.024'
    """
    if not clips_per_second > 0:
        raise InvalidArgument("rate", f"{clips_per_second:g} clips a second never come to an end; say more than 0")
    hours = tracks / clips_per_second / 3600
    return Estimate(tracks=tracks, hours=hours, price=None if price_per_hour is None else hours * price_per_hour)


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
    price: float | None
    """Of this run, in the currency of the price an hour; None when none was given."""
    price_per_1000_artists: float | None

    @property
    def line(self) -> str:
        """All of it on one line."""
        run, artists, rate = "", "", ""
        if self.price is not None and self.price_per_1000_artists is not None:
            run, artists = f", {self.price:,.3f}", f", {self.price_per_1000_artists:,.2f}"
            rate = f"; at {self.price_per_hour:g} an hour"
        return (
            f"cost: {self.clips} clips in {self.seconds:.1f} s{run}, {self.clips_per_second:.2f} clips per second, "
            f"{self.audio_hours:.2f} hours of audio; {ARTISTS:,} artists of {TRACKS_EACH} tracks: "
            f"{self.hours_per_1000_artists:.2f} h{artists}{rate}"
        )


def cost_of(report: EmbedReport, price_per_hour: float | None = None) -> Cost | None:
    """What ``report`` says about cost; None for a run that embedded nothing, which says nothing."""
    if not report.embedded or report.seconds <= 0:
        return None
    rate = report.embedded / report.seconds
    line_up = estimate(ARTISTS * TRACKS_EACH, clips_per_second=rate, price_per_hour=price_per_hour)
    return Cost(
        clips=report.embedded,
        seconds=report.seconds,
        clips_per_second=rate,
        audio_hours=report.audio_s / 3600,
        hours_per_1000_artists=line_up.hours,
        price_per_hour=price_per_hour,
        price=None if price_per_hour is None else report.seconds / 3600 * price_per_hour,
        price_per_1000_artists=line_up.price,
    )
