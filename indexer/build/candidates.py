"""What finds candidates, made with a generation and measured against a full scan; nothing where it finds too little."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import structs

from recommender import layer_mix
from recommender.calibration import bundle_files, percentiles
from recommender.calibration.cohort import CalibratedLayer, Method, Status
from recommender.calibration.scores import inner_product_rows
from recommender.fusion.profiles import WeightProfile
from recommender.generation.calibration import (
    RELATIONS,
    Calibration,
    bundle_prefix,
    measured_prefix,
    percentiles_prefix,
)
from recommender.generation.candidate_files import GENRES, Candidates, codes_file
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import GenreNeighbours, genre_orders
from recommender.generation.manifest import CandidatesEntry
from recommender.generation.open_generation import index_file
from recommender.retrieval.candidates import CandidateRetriever
from recommender.signals.audio import AudioSignal
from recommender.signals.panel import RelationSignals, SignalPanel
from recommender.types import LayerMix, Rows, Space
from recommender.vectors import FaissIndex, VectorIndex, top
from recommender.vectors.pq_codes import CodeIndex

WORTH_IT_FROM = 5000
"""Artists below which everyone is compared, in a millisecond or two."""
LEVELS = tuple(
    CandidatesEntry(first=200, nearest=nearest, lists=lists, listed=1000, around=nearest, alike=nearest // 2)
    for nearest, lists in ((500, 32), (1000, 64), (2000, 64), (4000, 128), (8000, 256))
)
"""How far to look; the first that finds enough is taken."""
OVERLAP = 0.99
"""Least share of the first 20 that candidates must find."""
AT = 20
ASKED = 100
"""Artists whose rankings are compared: two thousand places, of which a share of .99 is known to about .003."""
SEED = 20
PATTERN = "candidates.*"
_BLOCK = 1 << 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What candidates are made from: a generation that has no manifest yet."""

    space: Space
    contents: Contents
    calibration: Calibration
    artists: Mapping[str, VectorIndex]
    """Layer of the default mix -> artist index; empty where nothing is embedded."""

    @property
    def mix(self) -> LayerMix:
        """What a request listens by that asks for nothing else."""
        return layer_mix.by_default(self.space)

    @property
    def profile(self) -> WeightProfile:
        """What answers a request that asks for nothing else."""
        return self.calibration.choices.default

    def panel(self, relations: RelationSignals) -> SignalPanel:
        """The four signals."""
        rows, layers = self.contents.artists.vector_row, self.calibration.layers
        return SignalPanel(AudioSignal(self.artists, rows, self.mix, layers), relations, self.calibration.percentiles)


def staged_candidates(
    folder: Path, space: Space, contents: Contents, *, worth_it_from: int = WORTH_IT_FROM
) -> CandidatesEntry:
    """Write what finds candidates into ``folder``, which holds all else of a generation but its manifest.

    Raises OSError when the disk did not take all of it.
    """
    artists = len(contents.artists.ids)
    if artists < worth_it_from:
        return CandidatesEntry(note=f"{artists} artists, under {worth_it_from}: everyone is compared")
    return write_candidates(folder, _ground(folder, space, contents))


def write_candidates(folder: Path, ground: Ground, *, levels: Sequence[CandidatesEntry] = LEVELS) -> CandidatesEntry:
    """Write what finds the candidates of ``ground`` into ``folder``, look further until enough is found, and measure.

    Where nothing finds enough, no file stays and the entry says why. The same ground gives the same files. Raises
    OSError when the disk did not take all of it.
    """
    if why := _why_not(ground):
        return CandidatesEntry(note=f"{why}: everyone is compared")
    orders = genre_orders(ground.contents.relations.genre_weights)
    orders.save(folder, GENRES)
    codes = {layer: _write_codes(folder, ground, layer) for layer in sorted(ground.artists)}
    entry = _measured(ground, codes, orders, levels=levels)
    if not entry.first:
        for path in folder.glob(PATTERN):
            path.unlink()
    return entry


def _why_not(ground: Ground) -> str:
    """Why there can be no candidates; empty where there can."""
    if not ground.calibration.comparable:
        return "opinions are not comparable, and a mean of those that speak favours who is hardly known"
    bundled = [ground.calibration.layers[layer].bundle for layer in ground.artists]
    if any(bundle.status is Status.UNCALIBRATED or bundle.method is Method.MP for bundle in bundled):
        return "a layer of the default mix has no score that is an inner product"
    return ""


def _write_codes(folder: Path, ground: Ground, layer: str) -> CodeIndex:
    path = folder / codes_file(ground.space.layer_names.index(layer))
    artists = ground.calibration.layers[layer].artists
    starts = range(0, len(artists.tracks), _BLOCK)  # a block at a time, for it is worked out in twice the precision
    rows = np.concatenate(
        [inner_product_rows(artists.take(np.arange(len(artists.tracks))[start : start + _BLOCK])) for start in starts]
    )
    CodeIndex.write(path, np.nan_to_num(rows, copy=False))  # of whom could not be measured nothing is near
    return CodeIndex.open(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Right:
    """The first 20 of a seed when everyone is compared."""

    seed: int
    rows: Rows
    least: float
    """Score of the last of them."""


def _measured(
    ground: Ground, codes: Mapping[str, CodeIndex], orders: GenreNeighbours, *, levels: Sequence[CandidatesEntry]
) -> CandidatesEntry:
    """The first of ``levels`` that finds enough, with what it finds."""
    relations = RelationSignals.of(ground.contents.relations)
    panel = ground.panel(relations)
    right = _full_scans(panel, ground.profile, _drawn(len(ground.contents.artists.ids)))
    overlap = 0.0
    for level in levels:
        entry = structs.replace(level, lists=level.lists if any(each.lists for each in codes.values()) else 0)
        held = Candidates(entry=entry, codes=codes, genres=orders)
        finds = CandidateRetriever(
            held, relations=relations, layers=ground.calibration.layers, contents=ground.contents
        )
        overlap, same = _overlap(panel, ground.profile, finds, right)
        _log.info("candidates by sound %d: %.4f of the first %d", entry.nearest, overlap, AT)
        if overlap >= OVERLAP:
            named = structs.replace(entry, profile=ground.profile.name, seeds=len(right))
            return structs.replace(named, overlap_at_20=round(overlap, 6), same_at_20=round(same, 6))
    return CandidatesEntry(note=f"found {overlap:.3f} of the first {AT}, under {OVERLAP}: everyone is compared")


def _drawn(artists: int) -> list[int]:
    drawn: list[int] = np.sort(np.random.default_rng(SEED).permutation(artists)[:ASKED]).tolist()
    return drawn


def _full_scans(panel: SignalPanel, profile: WeightProfile, seeds: Sequence[int]) -> list[_Right]:
    """Of the seeds that have a ranking."""
    found = []
    for seed in seeds:
        scores = profile.score(panel.read(seed, profile.scale))
        scores[seed] = np.nan
        if (rows := top(scores, AT)).size:
            found.append(_Right(seed=seed, rows=rows, least=float(scores[rows[-1]])))
    return found


def _overlap(
    panel: SignalPanel, profile: WeightProfile, finds: CandidateRetriever, right: Sequence[_Right]
) -> tuple[float, float]:
    """Shares of the right answers that candidates give: those as good as them, and those themselves."""
    as_good = same = 0
    for each in right:
        rows = finds.of(each.seed)
        scores = profile.score(panel.read(each.seed, profile.scale, rows))
        scores[rows == each.seed] = np.nan
        best = top(scores, AT)
        as_good += int(np.count_nonzero(scores[best] >= each.least))
        same += len(np.intersect1d(rows[best], each.rows))
    total = max(sum(len(each.rows) for each in right), 1)
    return as_good / total, same / total


def _ground(folder: Path, space: Space, contents: Contents) -> Ground:
    """What the files of ``folder`` hold so far."""
    embedded = bool(np.any(contents.artists.vector_row >= 0))
    numbers = {layer: space.layer_names.index(layer) for layer in layer_mix.by_default(space)} if embedded else {}
    return Ground(
        space=space,
        contents=contents,
        calibration=Calibration(
            layers={layer: _layer(folder, number, space) for layer, number in numbers.items()},
            percentiles={name: percentiles.load(folder, percentiles_prefix(name)) for name in RELATIONS},
        ),
        artists={layer: FaissIndex.open(folder / index_file(number, "artists")) for layer, number in numbers.items()},
    )


def _layer(folder: Path, number: int, space: Space) -> CalibratedLayer:
    bundle = bundle_files.load(folder, bundle_prefix(number), space=space.fingerprint)
    return CalibratedLayer(
        bundle=bundle, artists=bundle_files.load_stats(folder, measured_prefix(number), bundle=bundle)
    )
