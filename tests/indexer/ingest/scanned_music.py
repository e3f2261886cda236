"""Small tagged files of noise, and a scan of them in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.oggvorbis import OggVorbis

from indexer.audio.workers.jobs import Inspection, InspectJob, inspect
from indexer.audio.workers.pool import Outcome
from indexer.ingest.scan import NO_OPTIONS, ScanOptions, ScanReport, scan
from recommender.catalog import Catalog
from recommender.errors import BadInput

RATE_HZ = 8000


class HerePool:
    """Inspects files in this process: the same result as a pool of decoders, without starting one."""

    def run(self, jobs: Iterable[InspectJob]) -> Iterator[Outcome[Inspection]]:
        for job in jobs:
            try:
                yield Outcome(job=job, value=inspect(job.path))
            except BadInput as error:
                yield Outcome(job=job, error=error)


def scan_here(catalog: Catalog, folder: Path, options: ScanOptions = NO_OPTIONS) -> ScanReport:
    """The report of a scan in this process."""
    pool: Any = HerePool()  # Any: it runs only the jobs of a scan
    return scan(catalog, folder, options=options, pool=pool, progress=lambda done, total: None)


def shelf(catalog: Catalog) -> list[tuple[str, str]]:
    """(artist, title) of every track."""
    names = {artist.id: artist.name for artist in catalog.read_artists()}
    return sorted((names[track.artist_id], track.title) for track in catalog.read_tracks())


def write(path: Path, seed: int) -> Path:
    """Noise that is the same for the same seed, 5.2 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, int(5.2 * RATE_HZ))
    soundfile.write(path, noise, RATE_HZ)
    return path


def retag(path: Path, tags: dict[str, list[str]], *, cover: bytes = b"") -> None:
    file: Any = FLAC(path) if path.suffix == ".flac" else OggVorbis(path)  # Any: mutagen has no types
    file.delete()
    file.update(tags)
    if cover and isinstance(file, FLAC):
        picture = Picture()
        picture.data, picture.mime, picture.type = cover, "image/png", 3
        file.add_picture(picture)
    file.save()
