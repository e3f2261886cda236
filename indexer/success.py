"""How much of a catalogue has its embeddings: k of n clips."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.embed import EmbedReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """What became of all the clips of a catalogue in one space, in this run and those before it."""

    embedded: int
    clips: int

    @property
    def share(self) -> float:
        """0 to 1; 1 of an empty catalogue, where nothing is missing."""
        return self.embedded / self.clips if self.clips else 1.0

    @property
    def line(self) -> str:
        """On one line. Rounded down: 100 % is said of all clips only."""
        if not self.clips:
            return "nothing to embed: the catalogue has no clip; run soundkin scan"
        percent = int(self.share * 1000) / 10
        return f"embedded {self.embedded} of {self.clips} clips ({percent:.1f} %)"


def success_of(report: EmbedReport) -> Success:
    """Count the clips of ``report``: those that failed in any run, and those that were not tried, are missing."""
    embedded = report.known + report.embedded
    missing = len(report.failed) + len(report.left_alone) + report.left
    return Success(embedded=embedded, clips=embedded + missing)
