"""Builds one generation from the catalog and the embedding store, in the staging folder, and verifies it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.build.calibration.averages import (
    Grouping,
    clips_by_track,
    group,
    release_memory,
    without_garbage_collection,
)
from indexer.build.calibration.layer_calibration import EmbeddedArtists, expected_bytes
from indexer.build.calibration.percentiles import keep_fitted, keep_learned, write_percentiles
from indexer.build.candidates import MIN_ARTISTS, staged_candidates
from indexer.build.catalog_rows import CatalogRows, read_catalog, require_usable
from indexer.build.contents import make_contents
from indexer.build.golden_answers import EmbeddedIds, golden_layers, record
from indexer.build.layers import LayerSource, bad_vectors, write_layer
from indexer.build.reuse import Parent, find_parent, plan_reuse
from indexer.build.seal import BuiltParts, Origin, seal
from indexer.files.atomic import make_folder, require_space
from indexer.files.home import STAGING
from indexer.files.locks import HOME_LOCK, exclusive
from indexer.publish.quarantine import quarantined_versions
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.errors import GenerationCorrupt
from recommender.generation import contents
from recommender.generation.calibration import Calibration
from recommender.generation.contents import Contents
from recommender.generation.golden_answers import differences
from recommender.generation.manifest import CalibrationEntry, Golden, IndexEntry, Taken
from recommender.generation.open_generation import (
    KINDS,
    MANIFEST,
    VERSIONS,
    Generation,
    Manifest,
    Pointer,
    folder_name,
    index_file,
    inspect_current,
    open_generation,
)
from recommender.licences import find_licence, require
from recommender.types import Space, Use
from recommender.vectors import FaissIndex

_SPARE_BYTES = 1 << 20
_INDEX_SHARE = 1.1
"""Size of an index relative to its vectors: the codes of an approximate index come on top of them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Options of a build."""

    incremental: bool = False
    """Copy the vectors of unchanged tracks from the served generation, if it can be used; the result is the same."""
    exact_up_to: int | None = None
    """Maximum number of vectors of an exact index; None: depends on their dimension."""
    candidates_from: int = MIN_ARTISTS
    """Minimum number of artists for which rankings use retrieved candidates instead of all artists."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Called with (layers done, all layers)."""


def build(
    catalog: Catalog, store: EmbeddingStore, home: Path, *, use: Use, options: BuildOptions | None = None
) -> Manifest:
    """Build the next generation into ``home/staging`` and verify it; publishing renames it.

    At most one layer's vectors and index are in memory at a time.

    Raises:
        LicenceRefused: ``use`` does not allow the encoder or a source of metadata.
        InvalidArgument: the catalog has no artists, or the clips of a track cancel out.
        EmbeddingsCorrupt: a shard does not match its checksum.
        GenerationCorrupt: the written generation does not give the golden answers.
        DiskFull: the disk has too little free space.
        Busy: another process builds or publishes in ``home``.
    """
    require(f"encoder {store.space.name}", find_licence(store.space.licence), use)
    chosen = options or BuildOptions()
    with exclusive(home / HOME_LOCK):
        with without_garbage_collection():
            inputs = _prepare(catalog, store, home, use=use, incremental=chosen.incremental)
        folder = _stage(home, next_version(home, catalog), _expected_bytes(store.space, inputs.source.grouping))
        contents.save(inputs.contents, folder)
        write_percentiles(folder, inputs.contents.relations)
        keep_fitted(home, folder, store.space)
        keep_learned(home, folder, store.space)
        made = _write_layers(folder, inputs.source, inputs.embedded, options=chosen)
        candidates = staged_candidates(folder, store.space, inputs.contents, min_artists=chosen.candidates_from)
        origin = Origin(
            space=store.space,
            use=use,
            parent_version=served.version if (served := _pointer(home)) else None,
            shards=store.shard_checksums,
            data=inputs.data,
            grouping=inputs.source.grouping,
            taken=Taken(tracks=inputs.source.reuse.count, note=inputs.note),
        )
        made = replace(made, candidates=candidates)
        manifest = seal(folder, origin, made)
        replay(folder)
        return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """All inputs of a build except the vectors."""

    data: CatalogRows
    contents: Contents
    embedded: EmbeddedIds
    source: LayerSource
    note: str
    """Why all vectors are read from the shards; empty when some are reused."""


def _prepare(catalog: Catalog, store: EmbeddingStore, home: Path, *, use: Use, incremental: bool) -> _Inputs:
    data = read_catalog(catalog, store)
    require_usable(data, use)
    artists = {artist.id: row for row, artist in enumerate(data.artists)}
    clips = clips_by_track(data)
    grouping = group(data, artists, clips=clips)
    made = make_contents(data, artists, clips=clips)
    parent = find_parent(home, store) if incremental else Parent(generation=None)
    source = LayerSource(
        store=store,
        grouping=grouping,
        reuse=plan_reuse(parent, store, grouping),
        artists=EmbeddedArtists.of(grouping, made),
    )
    embedded = EmbeddedIds.of(data, clips)
    return _Inputs(data=data, contents=made, embedded=embedded, source=source, note=parent.note)


def next_version(home: Path, catalog: Catalog) -> int:
    """One more than the highest version ever used in this home; not a time, because clocks can go back."""
    pointer = _pointer(home)
    names = [path.name for path in (home / VERSIONS).glob("v*")]
    taken = [int(name[1:]) for name in names if name[1:].isdigit()]
    recorded = [generation.version for generation in catalog.read_generations()]
    return 1 + max([pointer.latest if pointer else 0, *taken, *recorded, *quarantined_versions(home)])


def _pointer(home: Path) -> Pointer | None:
    """What CURRENT says; None when there is none or it is damaged, for the next publish writes it anew."""
    current = inspect_current(home)
    if current.damage is not None:
        _log.warning("%s", current.damage)
    return current.pointer


def _stage(home: Path, version: int, expected_bytes: int) -> Path:
    """Make an empty folder for ``version`` and remove earlier staged builds. Raises OSError, DiskFull."""
    if (home / STAGING).exists():
        shutil.rmtree(home / STAGING)
    require_space(home, expected_bytes)
    folder = home / STAGING / folder_name(version)
    make_folder(folder)
    return folder


def _expected_bytes(space: Space, grouping: Grouping) -> int:
    vectors = len(grouping.track_ids) + grouping.artists
    layer_bytes = int(_INDEX_SHARE * vectors * space.dim * 4) + expected_bytes(space.dim, grouping)
    return _SPARE_BYTES + layer_bytes * len(space.layers)


def _write_layers(folder: Path, source: LayerSource, embedded: EmbeddedIds, *, options: BuildOptions) -> BuiltParts:
    """Write one layer after the other, so that one is in memory at a time; three of them get golden answers."""
    space = source.store.space
    names = space.layer_names if source.grouping.track_ids else ()
    recorded = golden_layers(space.layer_names, space.default_mix)
    indexes: list[IndexEntry] = []
    calibrations: list[CalibrationEntry] = []
    goldens: list[Golden] = []
    bad = 0
    for layer, name in enumerate(names):
        options.progress(layer, len(names))
        _log.info("building layer %s", name)
        clips = source.read(layer)
        if name in recorded:
            goldens += record(source.layer_vectors(layer, clips), embedded)
        release_memory()
        written = write_layer(folder, layer, source=source, clips=clips, exact_up_to=options.exact_up_to)
        del clips
        release_memory()
        indexes += written.indexes
        calibrations.append(written.calibration)
        bad += bad_vectors(folder, layer)
    options.progress(len(names), len(names))
    return BuiltParts(indexes=tuple(indexes), goldens=tuple(goldens), bad_vectors=bad, calibrations=tuple(calibrations))


def replay(folder: Path) -> None:
    """Open the written generation and check its golden answers. Raises GenerationCorrupt when one differs."""
    generation = _without_layers(open_generation(folder))
    release_memory()
    goldens = generation.manifest.goldens
    lines: list[str] = []
    for layer in dict.fromkeys(golden.layer for golden in goldens):
        of_layer = [golden for golden in goldens if golden.layer == layer]
        lines += differences(_with_one_layer(generation, folder, layer), of_layer)
    if lines:
        raise GenerationCorrupt(folder.name, MANIFEST, f"{len(lines)} golden answers differ, the first: {lines[0]}")
    if bad := generation.manifest.quality.bad_vectors:
        raise GenerationCorrupt(folder.name, MANIFEST, f"{bad} vectors are not finite or not of unit length")


def _without_layers(generation: Generation) -> Generation:
    """The generation without its layers: all layers opened together take as much memory as one read completely."""
    return replace(generation, tracks={}, artists={}, calibration=Calibration(), candidates=None)


def _with_one_layer(generation: Generation, folder: Path, layer: str) -> Generation:
    """The generation with one layer opened, so that no more than one layer is in memory."""
    number = generation.manifest.space.layer_names.index(layer)
    tracks, artists = ({layer: FaissIndex.open(folder / index_file(number, kind))} for kind in KINDS)
    return replace(generation, tracks=tracks, artists=artists)
