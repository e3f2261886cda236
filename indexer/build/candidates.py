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

from indexer.build.candidate_overlap import TOP, OverlapMeasurement, Overlaps
from recommender import layer_mix
from recommender.calibration import bundle_files
from recommender.calibration.cohort import CalibratedLayer, Method
from recommender.calibration.mix_scale import MeasuredLayer, measured_layers, mix_rows
from recommender.fusion.profiles import WeightProfile
from recommender.generation.calibration import Calibration, bundle_prefix, measured_prefix
from recommender.generation.candidate_files import CODES, GENRES, Candidates
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import GenreNeighbours, genre_orders
from recommender.generation.manifest import CandidatesEntry, KindOverlap
from recommender.generation.open_generation import index_file
from recommender.ranking.popularity import popularity_of
from recommender.retrieval.candidates import CandidateRetriever
from recommender.retrieval.question_kinds import QuestionKind
from recommender.signals.audio import AudioSignal
from recommender.signals.panel import RelationSignals, SignalPanel
from recommender.types import LayerMix, Space
from recommender.vectors import FaissIndex, VectorIndex
from recommender.vectors.pq_codes import CodeIndex

MIN_ARTISTS = 5000
"""With fewer artists all are compared, which takes a millisecond or two."""
LEVELS = tuple(
    CandidatesEntry(first=200, nearest=nearest, lists=lists, listed=1000, around=nearest, alike=nearest // 2)
    for nearest, lists in ((250, 32), (500, 32), (1000, 64), (2000, 64), (4000, 128), (8000, 256))
)
"""How many candidates to retrieve, rising; the first level that finds enough is used."""
MIN_OVERLAP = 0.99
"""Minimum share of the first 20 results of full scans that candidates must find."""
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

    @property
    def layers(self) -> tuple[MeasuredLayer, ...]:
        """The calibrated layers of the default mix."""
        return measured_layers(self.mix, self.calibration.layers) if self.artists else ()

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
    codes = _write_codes(folder / CODES, inputs.layers) if inputs.artists else None
    entry = _measured(inputs, codes, orders, levels=levels)
    if not entry.first:
        for path in folder.glob(PATTERN):
            path.unlink()
    return entry


def _reason_against(inputs: CandidateInputs) -> str:
    """Why candidates cannot be used; empty when they can."""
    # The code index retrieves by inner product; mutual proximity (MP) is not one, and a layer without reference pairs
    # has no score.
    if inputs.artists and not inputs.layers:
        return "no layer of the default mix is calibrated"
    if any(layer.calibrated.bundle.method is Method.MP for layer in inputs.layers):
        return "a layer of the default mix has no score that is an inner product"
    return ""


def _write_codes(path: Path, layers: Sequence[MeasuredLayer]) -> CodeIndex:
    artists = len(layers[0].calibrated.artists.tracks)
    starts = range(0, artists, _BLOCK)  # in blocks, because the rows are computed in float64
    blocks = [mix_rows(layers, np.arange(start, min(start + _BLOCK, artists))) for start in starts]
    CodeIndex.write(path, np.concatenate(blocks))
    return CodeIndex.open(path)


def _measured(
    inputs: CandidateInputs,
    codes: CodeIndex | None,
    orders: GenreNeighbours,
    *,
    levels: Sequence[CandidatesEntry],
) -> CandidatesEntry:
    """The first of ``levels`` that finds enough for one seed; for other kinds of question as many more as they need."""
    relations = RelationSignals.of(inputs.contents.relations)
    popularity = popularity_of(inputs.contents)
    measurement = OverlapMeasurement(panel=inputs.panel(relations), profile=inputs.profile, popularity=popularity)
    scans = measurement.full_scans()
    kinds: dict[QuestionKind, KindOverlap] = {}
    base, seeds, one, same = levels[0], 0, 0.0, 0.0
    for level in levels:
        entry = structs.replace(level, lists=level.lists if codes is not None and codes.lists else 0)
        retriever = CandidateRetriever(
            Candidates(entry=entry, codes=codes, genres=orders),
            relations=relations,
            layers=inputs.layers,
            contents=inputs.contents,
            popularity=popularity,
        )
        found = measurement.overlaps(retriever, [scan for scan in scans if scan.question.kind not in kinds])
        _log.info("candidates by sound %d: %s", entry.nearest, found.by_kind)
        if QuestionKind.ONE_SEED in found.by_kind:  # every other kind needs this one: the first level that does
            base, seeds, one, same = entry, found.seeds, found.by_kind[QuestionKind.ONE_SEED], found.same
        if one >= MIN_OVERLAP:
            kinds |= _enough(found, times=entry.nearest // base.nearest, lists=entry.lists)
        if len(kinds) == len(QuestionKind):
            break
    if not kinds:
        return CandidatesEntry(note=f"found {one:.3f} of the first {TOP}, under {MIN_OVERLAP}: everyone is compared")
    return structs.replace(
        base,
        profile=inputs.profile.name,
        seeds=seeds,
        overlap_at_20=round(one, 6),
        same_at_20=round(same, 6),
        kinds=tuple(kinds[kind] for kind in QuestionKind if kind in kinds),
    )


def _enough(found: Overlaps, *, times: int, lists: int) -> dict[QuestionKind, KindOverlap]:
    return {
        kind: KindOverlap(kind=kind.value, overlap_at_20=round(share, 6), times=times, lists=lists)
        for kind, share in found.by_kind.items()
        if share >= MIN_OVERLAP
    }


def _read_inputs(folder: Path, space: Space, contents: Contents) -> CandidateInputs:
    """Read the inputs from the files of ``folder``."""
    embedded = bool(np.any(contents.artists.vector_row >= 0))
    numbers = {layer: space.layer_names.index(layer) for layer in layer_mix.by_default(space)} if embedded else {}
    return CandidateInputs(
        space=space,
        contents=contents,
        calibration=Calibration(
            layers={layer: _layer(folder, number, space) for layer, number in numbers.items()},
        ),
        artists={layer: FaissIndex.open(folder / index_file(number, "artists")) for layer, number in numbers.items()},
    )


def _layer(folder: Path, number: int, space: Space) -> CalibratedLayer:
    bundle = bundle_files.load(folder, bundle_prefix(number), space=space.fingerprint)
    return CalibratedLayer(
        bundle=bundle, artists=bundle_files.load_stats(folder, measured_prefix(number), bundle=bundle)
    )
