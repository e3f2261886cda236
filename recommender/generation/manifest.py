"""What a generation says about itself: what it was made from, what is inside, and answers it must give again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import xxhash

from recommender.types import Space

SUM = "xxh3_128"
"""The key of the checksum."""


def sum_of(facts: Mapping[str, Any]) -> str:  # Any: JSON
    """xxh3_128 of ``facts`` but for :data:`SUM`, in an order and a spelling that are always the same."""
    summed = {name: fact for name, fact in facts.items() if name != SUM}
    return xxhash.xxh3_128_hexdigest(json.dumps(summed, sort_keys=True).encode())


def with_sum(facts: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """``facts`` with their checksum, whatever checksum they had.

    >>> with_sum({"b": 1, "a": 2}) == with_sum({"a": 2, "b": 1, SUM: "of something else"})
    True
    """
    return dict(facts) | {SUM: sum_of(facts)}


FORMAT = 3
"""Version of the layout of a generation; a reader refuses any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of the generation as it was when it was built."""

    name: str
    size: int
    xxh3_128: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is inside."""

    artists: int
    artists_indexed: int
    tracks: int
    tracks_indexed: int
    clips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """Which type of index holds one layer of tracks or artists, and how well it finds them."""

    layer: str
    kind: str
    """``tracks`` or ``artists``."""
    factory: str
    """FAISS factory string; ``Flat`` compares with every vector."""
    parameters: dict[str, int]
    """Search parameters, kept inside the file too: nprobe and k_factor; empty for ``Flat``."""
    size: int
    """Number of vectors."""
    recall_at_10: float | None
    """Share of the exact ten nearest that a search finds, measured at build; None where search is exact."""
    recall_floor: float
    """What ``recall_at_10`` must reach for the generation to be published."""
    note: str = ""
    """Why the type is not the one its size asks for; empty where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A question with its answer, worked out from the embedding store when the generation was built."""

    kind: str
    """``tracks`` or ``artists``."""
    layer: str
    query: str
    """Id of the track or artist whose vector is searched with."""
    answers: tuple[str, ...]
    """Ids of the nearest, best first, ties by id; the query itself counts like any other."""
    scores: tuple[float, ...]
    """Their cosines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationEntry:
    """How the similarities of one layer are made comparable, and how far that can be trusted."""

    layer: str
    status: str
    """``calibrated``, ``provisional`` or ``uncalibrated`` (recommender/calibration/cohort.py)."""
    method: str
    reference_artists: int
    """Artists it was fitted on."""
    key: str
    """Of the bundle: what was measured with one key is not read with another."""
    unmeasured: int = 0
    """Artists that could not be measured: their audio has no percentile in this layer."""
    examples: tuple[str, ...] = ()
    """Ids of the first of them."""
    note: str = ""
    """Why the layer is not calibrated although there are artists enough; empty where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesEntry:
    """How candidates are retrieved, and the recall that was measured (recommender/retrieval/candidates.py)."""

    first: int = 0
    """How many of a ranking come from candidates; who reads further has everyone compared. 0: always everyone."""
    nearest: int = 0
    """Candidates by sound, a layer of the default mix."""
    lists: int = 0
    """Inverted lists of codes that are looked into for them; 0 where all codes are read."""
    listed: int = 0
    """Candidates that the scene lists, and that collaborations link, at most."""
    around: int = 0
    """Artists on each side of the seed that are looked at in the order of each of its genres."""
    alike: int = 0
    """Candidates by genre, the nearest of those."""
    profile: str = ""
    """Whose rankings were measured: only those come from candidates."""
    seeds: int = 0
    """On how many artists they were measured, drawn with a seed."""
    overlap_at_20: float | None = None
    """Share of the first 20 that are among the first 20 of everyone; one with the score of the 20th counts."""
    same_at_20: float | None = None
    """The same where it does not count: ties beyond the candidates may come out in another order."""
    note: str = ""
    """Why there are none; empty where there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Figures that a generation must not fall short of."""

    bad_vectors: int
    """Rows of all indexes that are not finite or not of unit length, as read back from the files; 0 in a sound one."""
    recall_floor: float
    """Least recall@10 of an index that does not compare with every vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an incremental build took over instead of reading shards."""

    tracks: int = 0
    """Tracks whose vectors come from the parent."""
    note: str = ""
    """Why an incremental build was asked for and a full one made; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a generation is and what it was made from."""

    version: int
    parent_version: int | None
    """The version that was served when this one was built; None when none was."""
    built_at: str
    """RFC 3339, UTC. For the reader; order is by version."""
    space: Space
    use: str
    """What it was built for (``profile`` in the file): personal, noncommercial or commercial."""
    sources: dict[str, str]
    """Source of metadata -> licence."""
    software: dict[str, str]
    """Package -> version, of whatever could change a number."""
    shards: dict[str, str]
    """Shard of the embedding store -> the checksum it ends with, of every shard there was."""
    counts: Counts
    indexes: tuple[IndexEntry, ...]
    """Two a layer, tracks then artists, in the order of the layers; empty when nothing is embedded."""
    goldens: tuple[Golden, ...]
    quality: Quality
    files: tuple[FileEntry, ...]
    taken: Taken = Taken()
    calibrations: tuple[CalibrationEntry, ...] = ()
    """One a layer, in the order of the layers; empty when nothing is embedded, or nothing was calibrated."""
    candidates: CandidatesEntry = CandidatesEntry()

    def to_json(self) -> str:
        data = asdict(self) | {"format": FORMAT, "space": self.space.to_json()}
        data["profile"] = data.pop("use")  # the key that release 0.1 wrote; a file keeps its format for ever
        return json.dumps(with_sum(data), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse what :meth:`to_json` wrote. Raises ValueError, KeyError or TypeError on any other shape."""
        data = json.loads(text)
        found = data["format"]
        if found != FORMAT:
            raise ValueError(f"format {found}, this release reads {FORMAT}; run soundkin build to make one it can read")
        if data[SUM] != sum_of(data):
            raise ValueError("it does not have its checksum")
        del data["format"], data[SUM]
        data["use"] = data.pop("profile")
        data["space"] = Space.from_json(data["space"])
        data["counts"] = Counts(**data["counts"])
        data["indexes"] = tuple(IndexEntry(**entry) for entry in data["indexes"])
        data["goldens"] = tuple(_golden(entry) for entry in data["goldens"])
        data["calibrations"] = tuple(_calibration(entry) for entry in data["calibrations"])
        data["candidates"] = CandidatesEntry(**data["candidates"])
        data["taken"] = Taken(**data["taken"])
        data["quality"] = Quality(**data["quality"])
        data["files"] = tuple(FileEntry(**entry) for entry in data["files"])
        return cls(**data)


def _calibration(entry: dict[str, Any]) -> CalibrationEntry:  # Any: JSON, checked by use
    return CalibrationEntry(**entry | {"examples": tuple(entry["examples"])})


def _golden(entry: dict[str, Any]) -> Golden:  # Any: JSON, checked by use
    return Golden(**entry | {"answers": tuple(entry["answers"]), "scores": tuple(entry["scores"])})
