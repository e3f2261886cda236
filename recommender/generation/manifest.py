"""The manifest of a generation: what it was made from, what is inside, and golden answers that it must give again.

The build writes it as MANIFEST.json; everyone who opens, judges or serves the generation reads it.
"""

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
    """xxh3_128 of ``facts`` without :data:`SUM`, in hex. Keys are sorted, so the order of ``facts`` does not matter."""
    summed = {name: fact for name, fact in facts.items() if name != SUM}
    return xxhash.xxh3_128_hexdigest(json.dumps(summed, sort_keys=True).encode())


def with_sum(facts: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """``facts`` with their checksum; one that they already had is replaced.

    >>> with_sum({"b": 1, "a": 2}) == with_sum({"a": 2, "b": 1, SUM: "of something else"})
    True
    """
    return dict(facts) | {SUM: sum_of(facts)}


FORMAT = 3
"""Version of the layout of a generation; a reader refuses any other."""


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the generation, with its checksums when it was built."""

    name: str
    size: int
    xxh3_128: str
    sha256: str


class Counts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many items are inside; ``…_indexed``: those with a vector."""

    artists: int
    artists_indexed: int
    tracks: int
    tracks_indexed: int
    clips: int


class IndexEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The index of one layer of tracks or artists: its type, and its measured recall."""

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
    """Why the type is not the usual one for this size; empty where it is."""


class Golden(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A golden answer: a query and its nearest items, computed from the embedding store at build."""

    kind: str
    """``tracks`` or ``artists``."""
    layer: str
    query: str
    """Id of the track or artist whose vector is the query."""
    answers: tuple[str, ...]
    """Ids of the nearest, best first, ties by id; the query itself counts like any other."""
    scores: tuple[float, ...]
    """Their cosines."""


class HalvesEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much better the own calibration of a layer is than another, by halves of artists' tracks, without labels.

    The gain is the mean difference of reciprocal ranks at which the halves find each other; ``low`` and ``high`` are
    its 95 % interval. The other one is used if ``high`` is below 0 (indexer/build/calibration/bundle_choice.py).
    """

    other: str
    """``borrowed`` or ``raw``."""
    artists: int
    """Number of artists with two tracks or more that were compared."""
    gain: float
    low: float
    high: float


class CalibrationEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the similarities of one layer were calibrated, and how reliable that is."""

    layer: str
    status: str
    """``calibrated``, ``provisional``, ``borrowed`` or ``uncalibrated`` (recommender/calibration/cohort.py)."""
    method: str
    reference_artists: int
    """Number of artists it was fitted on."""
    key: str
    """Key of the bundle; artists that were measured with another key are refused."""
    unmeasured: int = 0
    """Number of artists that could not be measured: their audio has no percentile in this layer."""
    examples: tuple[str, ...]
    """Ids of the first few of them."""
    note: str = ""
    """Why the layer is not calibrated although there are enough artists; empty where it is."""
    compared: tuple[HalvesEntry, ...] = ()
    """What it was chosen by; empty in generations of earlier releases, and where too few artists have two tracks."""


class KindOverlap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of question that candidates answer, because they find enough of the exact results."""

    kind: str
    """See recommender/retrieval/question_kinds.py."""
    overlap_at_20: float
    """Of the first 20, as in :class:`CandidatesEntry`."""
    times: int = 1
    """So many times the candidates of the entry are retrieved for this kind of question."""
    lists: int = 0
    """Lists of the code index that are read for it; 0: as in the entry."""


class CandidatesEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How candidates are retrieved, and the recall that was measured (recommender/retrieval/candidates.py)."""

    first: int = 0
    """So many first ranks come from candidates; beyond them, every artist is compared. 0: always every artist."""
    nearest: int = 0
    """Candidates by audio, for each layer of the default mix."""
    lists: int = 0
    """Inverted lists that are searched for them; 0 where all codes are compared."""
    listed: int = 0
    """Most candidates from scene lists, and most from collaborations."""
    around: int = 0
    """Artists compared on each side of the seed, in the order of each of its genres."""
    alike: int = 0
    """Candidates by genre: the most similar of those."""
    profile: str = ""
    """The default profile, whose rankings were measured."""
    kinds: tuple[KindOverlap, ...] = ()
    """The kinds of question that candidates answer; in generations of earlier releases none, which compare everyone."""
    seeds: int = 0
    """Number of artists on which they were measured, drawn at random with a fixed seed."""
    overlap_at_20: float | None = None
    """Overlap of the first 20 with the exact first 20; an artist with the same score as the 20th counts as in both."""
    same_at_20: float | None = None
    """The same without that allowance: ties with artists that are not candidates count as misses."""
    note: str = ""
    """Why there are no candidates; empty where there are."""


class Quality(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures that the gate checks."""

    bad_vectors: int
    """Rows of all indexes, read back from the files, that are not finite or not of unit length; must be 0."""
    recall_floor: float
    """Minimum recall@10 of an approximate index."""


class Taken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an incremental build copied from its parent instead of reading shards."""

    tracks: int = 0
    """Number of tracks whose vectors come from the parent."""
    note: str = ""
    """Why a full build was made although an incremental one was requested; empty otherwise."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All facts about a generation; the fields are the keys of MANIFEST.json, in which ``use`` is ``profile``."""

    version: int
    parent_version: int | None
    """The published version when this one was built; None when there was none."""
    built_at: str
    """RFC 3339, UTC. For people only: generations are ordered by version."""
    space: Space
    use: str = field(name="profile")
    """What it was built for: personal, noncommercial or commercial. Release 0.1 called it ``profile``, so the file
    does too: a format never changes."""
    sources: dict[str, str]
    """Source of metadata -> licence."""
    software: dict[str, str]
    """Package -> version, of every package that could change a number."""
    shards: dict[str, str]
    """Shard of the embedding store -> the checksum at its end, for every shard at the time of the build."""
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
