"""The files from which candidates are retrieved: product-quantised codes a layer, and orders of artists a genre.

::

    candidates.L00.faiss      codes of the artists in a layer of the default mix (recommender/vectors/pq_codes.py)
    candidates.genre.*.npy    the artists of each genre, similar ones side by side (genre_neighbours.py)

The build writes them for large catalogs; ``recommender.retrieval.candidates`` searches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recommender import layer_mix
from recommender.calibration.cohort import CalibratedLayer
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.contents import Contents
from recommender.generation.genre_neighbours import GenreNeighbours
from recommender.generation.manifest import CandidatesEntry, Manifest
from recommender.vectors.pq_codes import CodeIndex, padded_width

GENRES = "candidates.genre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidate indexes of one generation."""

    entry: CandidatesEntry
    codes: Mapping[str, CodeIndex]
    """Layer of the default mix -> codes of its ``inner_product_rows`` (recommender/calibration/scores.py)."""
    genres: GenreNeighbours


def codes_file(layer: int) -> str:
    """Name of the codes of the ``layer``-th layer."""
    return f"candidates.L{layer:02d}.faiss"


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
    if not entry.first:
        return None
    mixed = sorted(layer_mix.by_default(manifest.space)) if manifest.counts.artists_indexed else []
    numbers = {layer: manifest.space.layer_names.index(layer) for layer in mixed}
    if missing := numbers.keys() - layers.keys():
        raise GenerationCorrupt(folder.name, "MANIFEST.json", f"has candidates but no calibration of {sorted(missing)}")
    codes = {
        layer: _open_codes(folder / codes_file(number), manifest, width=layers[layer].bundle.width)
        for layer, number in numbers.items()
    }
    try:
        genres = GenreNeighbours.load(folder, GENRES)
    except (OSError, ValueError) as error:
        raise GenerationCorrupt(folder.name, f"{GENRES}.*.npy", f"cannot be read ({error})") from error
    weights = contents.relations.genre_weights
    if not genres.fits(artists=weights.shape[0], genres=weights.shape[1], entries=weights.nnz):
        raise GenerationCorrupt(folder.name, f"{GENRES}.*.npy", "are not of the genres of this generation")
    return Candidates(entry=entry, codes=codes, genres=genres)


def _open_codes(path: Path, manifest: Manifest, *, width: int) -> CodeIndex:
    """The codes in ``path`` of a layer whose calibrated vectors have ``width`` numbers."""
    # inner_product_rows writes the score of a layer as one inner product of 2 * width + 1 numbers.
    generation, expected = path.parent.name, (manifest.counts.artists_indexed, padded_width(2 * width + 1))
    try:
        codes = CodeIndex.open(path)
    except InvalidArgument as error:
        raise GenerationCorrupt(generation, path.name, error.problem) from error
    if (codes.size, codes.dim) != expected:
        problem = "holds {} artists of {} numbers, the generation has {} of {}".format(codes.size, codes.dim, *expected)
        raise GenerationCorrupt(generation, path.name, problem)
    return codes
