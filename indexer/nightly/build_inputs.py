"""The inputs of a build as they are now, and whether an existing generation was made of the same inputs."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from indexer.build.averages import clips_by_track
from indexer.build.catalog_rows import read_catalog, require_usable
from indexer.build.contents import make_contents
from indexer.build.software import software
from indexer.store.store import EmbeddingStore
from recommender.array_files import TextColumn
from recommender.catalog import Catalog
from recommender.errors import GenerationCorrupt
from recommender.generation.contents import Contents
from recommender.generation.manifest import Manifest
from recommender.generation.open_generation import open_generation
from recommender.licences import find_licence, require
from recommender.types import Space, Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that determines the result of a build."""

    space: Space
    use: str
    sources: dict[str, str]
    """Source of metadata -> licence."""
    shards: dict[str, str]
    """Shard -> its checksum."""
    software: dict[str, str]
    """Package -> version."""
    contents: Contents


def read_inputs(catalog: Catalog, store: EmbeddingStore, *, use: Use) -> Inputs:
    """Read what a build would read, except vectors: the checksums of the shards are compared instead.

    Raises InvalidArgument or LicenceRefused where a build would.
    """
    require(f"encoder {store.space.name}", find_licence(store.space.licence), use)
    data = read_catalog(catalog, store)
    require_usable(data, use)
    return Inputs(
        space=store.space,
        use=use.value,
        sources={source.name: source.licence for source in data.sources},
        shards=store.shard_checksums,
        software=software(),
        contents=make_contents(
            data, {artist.id: row for row, artist in enumerate(data.artists)}, clips=clips_by_track(data)
        ),
    )


def made_of(folder: Path, inputs: Inputs) -> bool:
    """Whether every file of the generation in ``folder`` has its checksum, and it was made of ``inputs``."""
    try:
        generation = open_generation(folder)
    except GenerationCorrupt:
        return False
    return _facts(generation.manifest) == _facts(inputs) and _same(generation.contents, inputs.contents)


def _facts(of: Manifest | Inputs) -> tuple[object, ...]:
    return of.space, of.use, of.sources, of.shards, of.software


def _same(one: object, other: object) -> bool:
    """Whether two parts of contents (columns, matrices, arrays) are equal."""
    if is_dataclass(one):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, csr_array) and isinstance(other, csr_array):
        return one.shape == other.shape and all(
            np.array_equal(getattr(one, part), getattr(other, part)) for part in ("indptr", "indices", "data")
        )
    if isinstance(one, TextColumn) and isinstance(other, TextColumn):
        return len(one) == len(other) and all(a == b for a, b in zip(one, other, strict=True))
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
