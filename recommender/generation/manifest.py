"""What a generation says about itself: what it was made from, what is inside, and answers it must give again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xxhash
from msgspec import Struct, field

from recommender.strict_json import from_facts, take_format, to_facts
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


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the generation as it was when it was built."""

    name: str
    size: int
    xxh3_128: str
    sha256: str


class Counts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is inside."""

    artists: int
    artists_indexed: int
    tracks: int
    tracks_indexed: int
    clips: int


class IndexEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Golden(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class CalibrationEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    examples: tuple[str, ...]
    """Ids of the first of them."""
    note: str = ""
    """Why the layer is not calibrated although there are artists enough; empty where it is."""


class CandidatesEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Quality(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures that a generation must not fall short of."""

    bad_vectors: int
    """Rows of all indexes that are not finite or not of unit length, as read back from the files; 0 in a sound one."""
    recall_floor: float
    """Least recall@10 of an index that does not compare with every vector."""


class Taken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an incremental build took over instead of reading shards."""

    tracks: int = 0
    """Tracks whose vectors come from the parent."""
    note: str = ""
    """Why an incremental build was asked for and a full one made; empty otherwise."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a generation is and what it was made from."""

    version: int
    parent_version: int | None
    """The version that was served when this one was built; None when none was."""
    built_at: str
    """RFC 3339, UTC. For the reader; order is by version."""
    space: Space
    use: str = field(name="profile")
    """What it was built for: personal, noncommercial or commercial. Release 0.1 called it ``profile``, so the file
    does too: a format never changes."""
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
    taken: Taken
    calibrations: tuple[CalibrationEntry, ...]
    """One a layer, in the order of the layers; empty when nothing is embedded, or nothing was calibrated."""
    candidates: CandidatesEntry

    def to_json(self) -> str:
        """The text of MANIFEST.json, with its checksum."""
        return json.dumps(with_sum(to_facts(self) | {"format": FORMAT}), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse what :meth:`to_json` wrote. Raises ValueError, which names the field, on any other shape."""
        facts = take_format(json.loads(text), FORMAT, cure="; run soundkin build to make one it can read")
        # The checksum is over the format too.
        if facts.pop(SUM, None) != sum_of(facts | {"format": FORMAT}):
            raise ValueError("it does not have its checksum")
        return from_facts(facts, cls)
