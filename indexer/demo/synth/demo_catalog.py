"""Writes the demo catalog to disk: forty clips as audio files, a tracklist, and two files to import."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from indexer.demo.synth.artists import ARTISTS, COLLABORATIONS, SCENE, TRACKS_PER_ARTIST, InventedArtist
from indexer.demo.synth.render_clip import SAMPLE_RATE_HZ, render
from recommender.types import Waveform

CLIP_S = 30.0

_BLOCK = 1 << 16
"""Samples written at once."""

_LAST_SUFFIX = (".wav", ".mp3")
"""Formats of the artists' last clips, alternating, so that a demo reads several; the other clips are FLAC."""

_SUBTYPE = {".flac": "PCM_16", ".wav": "PCM_16", ".mp3": "MPEG_LAYER_III"}
"""No Ogg: libsndfile gives each Ogg stream a random serial number, so the content of the files would change with every
demo in the same home, and every clip would be embedded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticClip:
    """One audio file of the demo catalog."""

    path: Path
    artist: str
    title: str
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticCatalog:
    """The files that were written."""

    folder: Path
    tracklist: Path
    """CSV ``file,artist,title,genre``; files relative to the folder, genres separated by ``;``."""
    scene: Path
    """JSON, artist -> its neighbours, as in a music-map dump."""
    collaborations: Path
    """CSV ``artist_a,artist_b,kind,title,credited``."""
    clips: tuple[SyntheticClip, ...]


def write_catalog(
    folder: Path,
    *,
    artists: Sequence[InventedArtist] = ARTISTS,
    progress: Callable[[str], None] | None = None,
) -> SyntheticCatalog:
    """Make all clips and data files under ``folder``, which is created; files of an earlier run are replaced.

    A second run writes the same bytes. Fewer ``artists`` make fewer clips; scene and collaborations stay whole.
    ``progress`` is called with "artist - title" after each clip is written. Raises OSError when the folder cannot be
    written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips: list[SyntheticClip] = []
    for index, artist in enumerate(artists):
        for track in range(TRACKS_PER_ARTIST):
            clips.append(_write_clip(folder, artist, index=index, track=track))
            if progress is not None:
                progress(f"{artist.name} - {clips[-1].title}")
    return SyntheticCatalog(
        folder=folder,
        tracklist=_write_tracklist(folder, clips),
        scene=_write_scene(folder),
        collaborations=_write_collaborations(folder),
        clips=tuple(clips),
    )


def _write_clip(folder: Path, artist: InventedArtist, *, index: int, track: int) -> SyntheticClip:
    """Render and write one clip. Its seed is its track number: styles differ, and the style is part of the seed."""
    last = track == TRACKS_PER_ARTIST - 1
    suffix = _LAST_SUFFIX[index % len(_LAST_SUFFIX)] if last else ".flac"
    title = artist.titles[track]
    path = folder / artist.name / f"{title}{suffix}"
    path.parent.mkdir(exist_ok=True)
    sound = render(artist.style, seed=track, seconds=CLIP_S)
    _write_audio(path, sound, tags={"title": title, "artist": artist.name, "genre": artist.genres[0]})
    return SyntheticClip(path=path, artist=artist.name, title=title, genres=artist.genres)


def _write_audio(path: Path, sound: Waveform, *, tags: dict[str, str]) -> None:
    subtype = _SUBTYPE[path.suffix]
    with soundfile.SoundFile(path, "w", samplerate=SAMPLE_RATE_HZ, channels=1, subtype=subtype) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        for start in range(0, len(sound), _BLOCK):
            file.write(sound[start : start + _BLOCK])


def _write_rows(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def _write_tracklist(folder: Path, clips: Iterable[SyntheticClip]) -> Path:
    path = folder / "tracklist.csv"
    rows = [(c.path.relative_to(folder).as_posix(), c.artist, c.title, ";".join(c.genres)) for c in clips]
    return _write_rows(path, ("file", "artist", "title", "genre"), rows)


def _write_scene(folder: Path) -> Path:
    lists = {
        artist: {
            "status": "success",
            "similar_artists": [
                {"name": name, "rank": rank, "relationship_strength": strength}
                for rank, (name, strength) in enumerate(neighbours, start=1)
            ],
        }
        for artist, neighbours in SCENE.items()
    }
    path = folder / "scene.json"
    path.write_text(json.dumps(lists, indent=2) + "\n", encoding="utf-8")
    return path


def _write_collaborations(folder: Path) -> Path:
    rows = [(row.artist_a, row.artist_b, row.kind, row.title, row.credited) for row in COLLABORATIONS]
    header = ("artist_a", "artist_b", "kind", "title", "credited")
    return _write_rows(folder / "collaborations.csv", header, rows)
