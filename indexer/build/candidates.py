"""Makes the files that retrieve candidates, and keeps them only when they find almost all of a full scan's results.

See docs/methods.md, "Candidates".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import structs

from recommender import layer_mix
from recommender.calibration import bundle_files
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

MIN_ARTISTS = 5000
"""With fewer artists all are compared, which takes a millisecond or two."""
LEVELS = tuple(
    CandidatesEntry(first=200, nearest=nearest, lists=lists, listed=1000, around=nearest, alike=nearest // 2)
    for nearest, lists in ((500, 32), (1000, 64), (2000, 64), (4000, 128), (8000, 256))
)
"""How many candidates to retrieve, rising; the first level that finds enough is used."""
MIN_OVERLAP = 0.99
"""Minimum share of the first 20 results of full scans that candidates must find."""
TOP = 20
"""Results compared per ranking."""
QUERIES = 100
"""Artists whose rankings are compared: 2,000 results, so that a share of 0.99 is known to about 0.003."""
SEED = 20
PATTERN = "candidates.*"
_BLOCK = 1 << 16
"""Artists converted at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateInputs:
    """The parts of a generation, which has no manifest yet, that candidates are made from."""

    space: Space
    contents: Contents
    calibration: Calibration
    artists: Mapping[str, VectorIndex]
    """Layer of the default mix -> artist index; empty where nothing is embedded."""

    @property
    def mix(self) -> LayerMix:
        """The default layer mix of a request."""
        return layer_mix.by_default(self.space)

    @property
    def profile(self) -> WeightProfile:
        """The default signal weights of a request."""
        return self.calibration.choices.default

    def panel(self, relations: RelationSignals) -> SignalPanel:
        """The four signals of the generation."""
        rows, layers = self.contents.artists.vector_row, self.calibration.layers
        return SignalPanel(AudioSignal(self.artists, rows, self.mix, layers), relations, self.calibration.percentiles)


def staged_candidates(
    folder: Path, space: Space, contents: Contents, *, min_artists: int = MIN_ARTISTS
) -> CandidatesEntry:
    """Write the candidate files into ``folder``, which has all other files of a generation except its manifest.

    Raises OSError when the disk is full or fails.
    """
    artists = len(contents.artists.ids)
    if artists < min_artists:
        return CandidatesEntry(note=f"{artists} artists, under {min_artists}: everyone is compared")
    return write_candidates(folder, _read_inputs(folder, space, contents))


def write_candidates(
    folder: Path, inputs: CandidateInputs, *, levels: Sequence[CandidatesEntry] = LEVELS
) -> CandidatesEntry:
    """Write the candidate files of ``inputs`` into ``folder``, and choose the first of ``levels`` that finds enough.

    When no level finds enough, the files are removed and the entry says why. The same inputs give the same files.
    Raises OSError when the disk is full or fails.
    """
    if reason := _reason_against(inputs):
        return CandidatesEntry(note=f"{reason}: everyone is compared")
    orders = genre_orders(inputs.contents.relations.genre_weights)
    orders.save(folder, GENRES)
    codes = {layer: _write_codes(folder, inputs, layer) for layer in sorted(inputs.artists)}
    entry = _measured(inputs, codes, orders, levels=levels)
    if not entry.first:
        for path in folder.glob(PATTERN):
            path.unlink()
    return entry


def _reason_against(inputs: CandidateInputs) -> str:
    """Why candidates cannot be used; empty when they can."""
    bundles = [inputs.calibration.layers[layer].bundle for layer in inputs.artists]
    # The code index retrieves by inner product. Mutual proximity (MP) is not one, and raw cosines are not calibrated.
    if any(bundle.status is Status.UNCALIBRATED or bundle.method is Method.MP for bundle in bundles):
        return "a layer of the default mix has no score that is an inner product"
    return ""


def _write_codes(folder: Path, inputs: CandidateInputs, layer: str) -> CodeIndex:
    path = folder / codes_file(inputs.space.layer_names.index(layer))
    artists = inputs.calibration.layers[layer].artists
    starts = range(0, len(artists.tracks), _BLOCK)  # in blocks, because the rows are computed in float64
    rows = np.concatenate(
        [inner_product_rows(artists.take(np.arange(len(artists.tracks))[start : start + _BLOCK])) for start in starts]
    )
    CodeIndex.write(path, np.nan_to_num(rows, copy=False))  # unmeasured artists become 0, near to no artist
    return CodeIndex.open(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FullScan:
    """The first 20 results of a seed when all artists are compared."""

    seed: int
    rows: Rows
    last_score: float
    """Score of the last of ``rows``."""


def _measured(
    inputs: CandidateInputs,
    codes: Mapping[str, CodeIndex],
    orders: GenreNeighbours,
    *,
    levels: Sequence[CandidatesEntry],
) -> CandidatesEntry:
    """The first of ``levels`` that finds enough, with its measured overlap."""
    relations = RelationSignals.of(inputs.contents.relations)
    panel = inputs.panel(relations)
    scans = _full_scans(panel, inputs.profile, _drawn(len(inputs.contents.artists.ids)))
    overlap = 0.0
    for level in levels:
        entry = structs.replace(level, lists=level.lists if any(each.lists for each in codes.values()) else 0)
        candidates = Candidates(entry=entry, codes=codes, genres=orders)
        retriever = CandidateRetriever(
            candidates, relations=relations, layers=inputs.calibration.layers, contents=inputs.contents
        )
        overlap, same = _overlap(panel, inputs.profile, retriever, scans)
        _log.info("candidates by sound %d: %.4f of the first %d", entry.nearest, overlap, TOP)
        if overlap >= MIN_OVERLAP:
            chosen = structs.replace(entry, profile=inputs.profile.name, seeds=len(scans))
            return structs.replace(chosen, overlap_at_20=round(overlap, 6), same_at_20=round(same, 6))
    return CandidatesEntry(note=f"found {overlap:.3f} of the first {TOP}, under {MIN_OVERLAP}: everyone is compared")


def _drawn(artists: int) -> list[int]:
    drawn: list[int] = np.sort(np.random.default_rng(SEED).permutation(artists)[:QUERIES]).tolist()
    return drawn


def _full_scans(panel: SignalPanel, profile: WeightProfile, seeds: Sequence[int]) -> list[_FullScan]:
    """Full scans of the seeds that have a ranking."""
    scans = []
    for seed in seeds:
        scores = profile.score(panel.read(seed, profile.scale))
        scores[seed] = np.nan
        if (rows := top(scores, TOP)).size:
            scans.append(_FullScan(seed=seed, rows=rows, last_score=float(scores[rows[-1]])))
    return scans


def _overlap(
    panel: SignalPanel, profile: WeightProfile, retriever: CandidateRetriever, scans: Sequence[_FullScan]
) -> tuple[float, float]:
    """Shares of the full scans' results that candidates give: results with as high a score, and the same artists.

    The first decides: among equal scores, which are common with sparse signals, any choice is right.
    """
    as_good = same = 0
    for scan in scans:
        rows = retriever.of(scan.seed)
        scores = profile.score(panel.read(scan.seed, profile.scale, rows))
        scores[rows == scan.seed] = np.nan
        best = top(scores, TOP)
        as_good += int(np.count_nonzero(scores[best] >= scan.last_score))
        same += len(np.intersect1d(rows[best], scan.rows))
    total = max(sum(len(scan.rows) for scan in scans), 1)
    return as_good / total, same / total


def _read_inputs(folder: Path, space: Space, contents: Contents) -> CandidateInputs:
    """Read the inputs from the files of ``folder``."""
    embedded = bool(np.any(contents.artists.vector_row >= 0))
    numbers = {layer: space.layer_names.index(layer) for layer in layer_mix.by_default(space)} if embedded else {}
    return CandidateInputs(
        space=space,
        contents=contents,
        calibration=Calibration(
            layers={layer: _layer(folder, number, space) for layer, number in numbers.items()},
            percentiles={name: bundle_files.load_percentiles(folder, percentiles_prefix(name)) for name in RELATIONS},
        ),
        artists={layer: FaissIndex.open(folder / index_file(number, "artists")) for layer, number in numbers.items()},
    )


def _layer(folder: Path, number: int, space: Space) -> CalibratedLayer:
    bundle = bundle_files.load(folder, bundle_prefix(number), space=space.fingerprint)
    return CalibratedLayer(
        bundle=bundle, artists=bundle_files.load_stats(folder, measured_prefix(number), bundle=bundle)
    )
