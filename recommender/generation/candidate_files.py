"""The files from which candidates are retrieved: product-quantised codes a layer, and orders of artists a genre.

::

    candidates.mix.faiss      codes of the artists in the default mix (recommender/vectors/pq_codes.py)
    candidates.genre.*.npy    the artists of each genre, similar ones side by side (genre_neighbours.py)

The build writes them for large catalogs; ``recommender.retrieval.candidates`` searches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer
from recommender.calibration.mix_scale import measured_layers
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import GenreNeighbours
from recommender.generation.manifest import CandidatesEntry, Manifest
from recommender.vectors.pq_codes import CodeIndex, padded_width

GENRES = "candidates.genre"
CODES = "candidates.mix.faiss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidate indexes of one generation."""

    entry: CandidatesEntry
    codes: CodeIndex | None
    """Codes of ``mix_rows`` (recommender/calibration/mix_scale.py); None where nothing is embedded."""
    genres: GenreNeighbours


def open_candidates(
    folder: Path, manifest: Manifest, contents: Contents, layers: Mapping[str, CalibratedLayer]
) -> Candidates | None:
    """Open the candidate files of ``folder`` that ``manifest`` lists; None where every artist is compared.

    Args:
        layers: the calibrated layers of the same generation; the codes are of their vectors.

    Raises:
        GenerationCorrupt: a file is missing or damaged, or does not fit the artists of the generation.
    """
    entry = manifest.candidates
    if not (entry.first and entry.kinds):
        return None
    codes = None
    if manifest.counts.artists_indexed:
        measured = measured_layers(layer_mix.by_default(manifest.space), layers)
        if not measured:
            raise GenerationCorrupt(folder.name, "MANIFEST.json", "has candidates but no calibrated layer")
        # mix_rows writes the score of a layer as one inner product of 2 * width + 1 numbers.
        width = sum(2 * layer.calibrated.bundle.width + 1 for layer in measured)
        codes = _open_codes(folder / CODES, manifest, width=width)
    try:
        genres = GenreNeighbours.load(folder, GENRES)
    except (OSError, ValueError) as error:
        raise GenerationCorrupt(folder.name, f"{GENRES}.*.npy", f"cannot be read ({error})") from error
    weights = contents.relations.genre_weights
    if not genres.fits(artists=weights.shape[0], genres=weights.shape[1], entries=weights.nnz):
        raise GenerationCorrupt(folder.name, f"{GENRES}.*.npy", "are not of the genres of this generation")
    return Candidates(entry=entry, codes=codes, genres=genres)


def _open_codes(path: Path, manifest: Manifest, *, width: int) -> CodeIndex:
    """The codes in ``path`` of rows with ``width`` numbers."""
    generation, expected = path.parent.name, (manifest.counts.artists_indexed, padded_width(width))
    try:
        codes = CodeIndex.open(path)
    except InvalidArgument as error:
        raise GenerationCorrupt(generation, path.name, error.problem) from error
    if (codes.size, codes.dim) != expected:
        problem = "holds {} artists of {} numbers, the generation has {} of {}".format(codes.size, codes.dim, *expected)
        raise GenerationCorrupt(generation, path.name, problem)
    return codes
