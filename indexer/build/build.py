"""From the catalog and the embedding store to one staged generation, checked and ready to publish."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.build.averages import Grouping, clips_by_track, give_back, group, without_collecting
from indexer.build.candidates import WORTH_IT_FROM, staged_candidates
from indexer.build.catalog_rows import CatalogRows, read_catalog, require_usable
from indexer.build.contents import make_contents
from indexer.build.golden_answers import Heard, golden_layers, record
from indexer.build.layer_calibration import EmbeddedArtists, expected_bytes
from indexer.build.layers import LayerSource, bad_vectors, write_layer
from indexer.build.percentiles import keep_fitted, write_percentiles
from indexer.build.reuse import Parent, find_parent, plan_reuse
from indexer.build.seal import Made, Origin, seal
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
_CODES_SHARE = 1.1
"""What an index takes, in sizes of its vectors: the codes that lead to them come on top."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How to build."""

    incremental: bool = False
    """Take the vectors of unchanged tracks from the generation that serves, where it can be trusted: same result."""
    exact_up_to: int | None = None
    """Up to how many vectors an index compares with all of them; by default what their dimension allows."""
    candidates_from: int = WORTH_IT_FROM
    """From how many artists on rankings come from candidates instead of everyone."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Called with the number of layers done and of all there are."""


def build(
    catalog: Catalog, store: EmbeddingStore, home: Path, *, use: Use, options: BuildOptions | None = None
) -> Manifest:
    """Build the next generation into ``home/staging`` and verify it; :mod:`indexer.publish.publish` gives it its name.

    Memory is bounded by one layer's vectors and their index, not all of them.

    Raises:
        LicenceRefused: the encoder or a source of metadata is not allowed under ``profile``.
        InvalidArgument: the catalog has no artists, or the clips of a track cancel out.
        EmbeddingsCorrupt: a shard lost its checksum.
        GenerationCorrupt: what was written does not answer as the embedding store does.
        DiskFull: there is no room for it.
        Busy: another process builds or publishes in ``home``.
    """
    require(f"encoder {store.space.name}", find_licence(store.space.licence), use)
    chosen = options or BuildOptions()
    with exclusive(home / HOME_LOCK):
        with without_collecting():
            ready = _prepare(catalog, store, home, use=use, incremental=chosen.incremental)
        folder = _stage(home, next_version(home, catalog), _expected_bytes(store.space, ready.source.grouping))
        contents.save(ready.held, folder)
        write_percentiles(folder, ready.held.relations)
        keep_fitted(home, folder, store.space)
        made = _write_layers(folder, ready.source, ready.heard, options=chosen)
        candidates = staged_candidates(folder, store.space, ready.held, worth_it_from=chosen.candidates_from)
        origin = Origin(
            space=store.space,
            use=use,
            parent_version=served.version if (served := _pointer(home)) else None,
            shards=store.shard_checksums,
            data=ready.data,
            grouping=ready.source.grouping,
            taken=Taken(tracks=ready.source.reuse.count, note=ready.note),
        )
        made = replace(made, candidates=candidates)
        manifest = seal(folder, origin, made)
        replay(folder)
        return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """What is known before the first vector is read."""

    data: CatalogRows
    held: Contents
    heard: Heard
    source: LayerSource
    note: str
    """Why everything is read from the shards; empty when it is not."""


def _prepare(catalog: Catalog, store: EmbeddingStore, home: Path, *, use: Use, incremental: bool) -> _Ready:
    data = read_catalog(catalog, store)
    require_usable(data, use)
    artists = {artist.id: row for row, artist in enumerate(data.artists)}
    clips = clips_by_track(data)
    grouping = group(data, artists, clips=clips)
    held = make_contents(data, artists, clips=clips)
    parent = find_parent(home, store) if incremental else Parent(generation=None)
    source = LayerSource(
        store=store,
        grouping=grouping,
        reuse=plan_reuse(parent, store, grouping),
        roster=EmbeddedArtists.of(grouping, held),
    )
    return _Ready(data=data, held=held, heard=Heard.of(data, clips), source=source, note=parent.note)


def next_version(home: Path, catalog: Catalog) -> int:
    """One more than any version that ever had a name here; never derived from a clock."""
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
    """An empty folder for ``version``; whatever was staged before is gone. Raises OSError when it will not go."""
    if (home / STAGING).exists():
        shutil.rmtree(home / STAGING)
    require_space(home, expected_bytes)
    folder = home / STAGING / folder_name(version)
    make_folder(folder)
    return folder


def _expected_bytes(space: Space, grouping: Grouping) -> int:
    vectors = len(grouping.track_ids) + grouping.artists
    a_layer = int(_CODES_SHARE * vectors * space.dim * 4) + expected_bytes(space.dim, grouping)
    return _SPARE_BYTES + a_layer * len(space.layers)


def _write_layers(folder: Path, source: LayerSource, heard: Heard, *, options: BuildOptions) -> Made:
    """Layer after layer, so that one is in memory at a time; questions about three of them."""
    space = source.store.space
    names = space.layer_names if source.grouping.track_ids else ()
    asked = golden_layers(space.layer_names, space.default_mix)
    indexes: list[IndexEntry] = []
    calibrations: list[CalibrationEntry] = []
    goldens: list[Golden] = []
    bad = 0
    for layer, name in enumerate(names):
        options.progress(layer, len(names))
        _log.info("building layer %s", name)
        clips = source.read(layer)
        if name in asked:
            goldens += record(source.shelf(layer, clips), heard)
        give_back()
        written = write_layer(folder, layer, source=source, clips=clips, exact_up_to=options.exact_up_to)
        del clips
        give_back()
        indexes += written.indexes
        calibrations.append(written.calibration)
        bad += bad_vectors(folder, layer)
    options.progress(len(names), len(names))
    return Made(indexes=tuple(indexes), goldens=tuple(goldens), bad_vectors=bad, calibrations=tuple(calibrations))


def replay(folder: Path) -> None:
    """Open what was written and ask it what the embedding store was asked. Raises GenerationCorrupt."""
    generation = _without_layers(open_generation(folder))
    give_back()
    goldens = generation.manifest.goldens
    lines: list[str] = []
    for layer in dict.fromkeys(golden.layer for golden in goldens):
        asked = [golden for golden in goldens if golden.layer == layer]
        lines += differences(_with_one_layer(generation, folder, layer), asked)
    if lines:
        raise GenerationCorrupt(folder.name, MANIFEST, f"{len(lines)} goldens are answered otherwise, as {lines[0]}")
    if bad := generation.manifest.quality.bad_vectors:
        raise GenerationCorrupt(folder.name, MANIFEST, f"{bad} vectors are not finite or not of unit length")


def _without_layers(generation: Generation) -> Generation:
    """What is left when all that was opened of the layers is closed: together they take as much as one takes whole."""
    return replace(generation, tracks={}, artists={}, calibration=Calibration(), candidates=None)


def _with_one_layer(generation: Generation, folder: Path, layer: str) -> Generation:
    """Mapped and dropped with the result, so that no more than one layer is ever in memory."""
    number = generation.manifest.space.layer_names.index(layer)
    tracks, artists = ({layer: FaissIndex.open(folder / index_file(number, kind))} for kind in KINDS)
    return replace(generation, tracks=tracks, artists=artists)
