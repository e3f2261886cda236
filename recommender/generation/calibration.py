"""The calibration files of one generation, which make scores comparable: a bundle a layer, percentiles a signal.

::

    L00.calibration.json L00.calibration.*.npy     the bundle of a layer (recommender/calibration/bundle_files.py)
    L00.measured.*.npy L00.measured.bundle.json    every embedded artist, measured with that bundle
    scene.percentiles.*.npy genre… collaboration…  scores of reference pairs (recommender/calibration/percentiles.py)
    fitted.json                                    weights learned from labels, where there are any
    learned.json learned.*.npy                     trees learned from labels, where there are any
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recommender.calibration import bundle_files
from recommender.calibration.cohort import CalibratedLayer
from recommender.calibration.percentiles import Percentiles
from recommender.errors import GenerationCorrupt, InvalidArgument, SpaceMismatch
from recommender.fusion import boosted_trees, learned_weights
from recommender.fusion.profiles import PROFILES, WeightChoices, WeightProfile
from recommender.generation.manifest import CalibrationEntry, Manifest
from recommender.types import SignalName

RELATIONS = (SignalName.SCENE, SignalName.GENRE, SignalName.COLLABORATION)
"""The signals whose percentiles come from reference pairs; those of the audio signal come from its bundles."""

FITTED = "fitted.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Everything in a generation that makes scores comparable; by default nothing."""

    layers: Mapping[str, CalibratedLayer] = field(default_factory=dict)
    percentiles: Mapping[SignalName, Percentiles] = field(default_factory=dict)
    """Of all three relations, or empty."""
    fitted: WeightProfile | None = None
    learned: WeightProfile | None = None

    @property
    def choices(self) -> WeightChoices:
        """The weight profiles that a request may name."""
        learned = {learned_weights.PROFILE: self.fitted, boosted_trees.PROFILE: self.learned}
        kept = {name: profile for name, profile in learned.items() if profile is not None}
        return WeightChoices(named={**PROFILES, **kept})


def bundle_prefix(layer: int) -> str:
    """Prefix of the files of the ``layer``-th layer's bundle."""
    return f"L{layer:02d}.calibration"


def measured_prefix(layer: int) -> str:
    """Prefix of the files of the artists measured in the ``layer``-th layer."""
    return f"L{layer:02d}.measured"


def percentiles_prefix(signal: SignalName) -> str:
    """Prefix of the files of the percentiles of ``signal``."""
    return f"{signal.value}.percentiles"


def open_calibration(folder: Path, manifest: Manifest) -> Calibration:
    """Open the calibration files of ``folder`` that ``manifest`` lists.

    Raises:
        GenerationCorrupt: a file is missing or damaged, belongs to another space or bundle, or has other artists.
    """
    entries = manifest.calibrations
    layers = manifest.space.layer_names if entries else ()
    if tuple(entry.layer for entry in entries) != layers:
        raise GenerationCorrupt(folder.name, "MANIFEST.json", "does not list one calibration a layer")
    names = {entry.name for entry in manifest.files}
    present = [signal for signal in RELATIONS if f"{percentiles_prefix(signal)}.values.npy" in names]
    return Calibration(
        layers={entry.layer: _open_layer(folder, manifest, entry) for entry in entries},
        percentiles={signal: bundle_files.load_percentiles(folder, percentiles_prefix(signal)) for signal in present},
        fitted=_open_fitted(folder) if FITTED in names else None,
        learned=_open_learned(folder) if boosted_trees.HEADER in names else None,
    )


def _open_layer(folder: Path, manifest: Manifest, entry: CalibrationEntry) -> CalibratedLayer:
    number = manifest.space.layer_names.index(entry.layer)
    name = f"{bundle_prefix(number)}.json"
    try:
        bundle = bundle_files.load(folder, bundle_prefix(number), space=manifest.space.fingerprint)
    except SpaceMismatch as error:
        raise GenerationCorrupt(folder.name, name, str(error)) from error
    if (bundle.layer, bundle.key, bundle.status.value, bundle.dim) != (
        entry.layer,
        entry.key,
        entry.status,
        manifest.space.dim,
    ):
        raise GenerationCorrupt(folder.name, name, "is not the bundle that the manifest names")
    artists = bundle_files.load_stats(folder, measured_prefix(number), bundle=bundle)
    if len(artists.tracks) != manifest.counts.artists_indexed:
        problem = f"holds {len(artists.tracks)} artists, the manifest says {manifest.counts.artists_indexed}"
        raise GenerationCorrupt(folder.name, f"{measured_prefix(number)}.tracks.npy", problem)
    return CalibratedLayer(bundle=bundle, artists=artists)


def _open_fitted(folder: Path) -> WeightProfile:
    try:
        return learned_weights.load(folder / FITTED)[0].profile
    except InvalidArgument as error:
        raise GenerationCorrupt(folder.name, FITTED, str(error)) from error


def _open_learned(folder: Path) -> WeightProfile | None:
    """The trees; None when another release learned them, from measures that this one does not have."""
    try:
        file = boosted_trees.load_ranking(folder)
    except InvalidArgument as error:
        raise GenerationCorrupt(folder.name, boosted_trees.HEADER, str(error)) from error
    if not file.is_current:
        _log.warning("the learned ranking of %s reads measures of another release: left out; build again", folder.name)
        return None
    return file.ranking
