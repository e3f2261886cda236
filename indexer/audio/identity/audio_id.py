"""The identity of a file's sound, and of the whole file, in as few reads of it as there can be.

``r1:`` and 64 hex digits: SHA-256 of the byte ranges that a walker of ours found. ``p1:``: of the packets that FFmpeg
found. ``f1:``: of the whole file. A later method gets a new prefix, and never changes what an old one means. What is
hashed for each format, and why: docs/decisions/0014-identity-of-a-clip.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from indexer.audio.identity.frames import flac_payload, mpeg_payload, whole_payload
from indexer.audio.identity.mp4_tables import mp4_payload
from indexer.audio.identity.ogg_pages import ogg_payload
from indexer.audio.identity.packets import packets_sha256
from indexer.audio.identity.payload import Payload
from indexer.audio.identity.pcm_chunks import aiff_payload, au_payload, caf_payload, w64_payload, wav_payload
from indexer.audio.signatures import Container
from indexer.audio.sound_range import SoundRange, SoundView, find_sound

_BLOCK_BYTES = 1 << 20

_WALKERS: dict[Container, Callable[[BinaryIO, int], Payload | None]] = {
    Container.MP3: mpeg_payload,
    Container.FLAC: flac_payload,
    Container.OGG: ogg_payload,
    Container.MP4: mp4_payload,
    Container.WAV: wav_payload,
    Container.AIFF: aiff_payload,
    Container.W64: w64_payload,
    Container.CAF: caf_payload,
    Container.AU: au_payload,
    Container.ADTS: whole_payload,
    Container.AC3: whole_payload,
    Container.EAC3: whole_payload,
    Container.WAVPACK: whole_payload,
    Container.TTA: whole_payload,
    Container.APE: whole_payload,
}
"""Matroska and ASF are left to packets: their frames are cut up and mixed with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHashes:
    """Both identities of a file."""

    content_sha256: str
    """Of all its bytes, 64 hex digits."""
    audio_id: str
    """Of its sound, with the prefix of the method."""


def hash_file(file: BinaryIO) -> FileHashes:
    """Hash an open audio file and the sound in it. Reads it once where the sound lies in order, else twice.

    Raises BadInput ``not_audio`` or ``unsupported`` for what is no audio, and OSError if it cannot be read.
    """
    sound = find_sound(file)
    payload = _payload(file, sound)
    if payload is not None and payload.is_sorted:
        content_sha256, payload_sha256 = _hash_in_one_pass(file, sound, payload)
        return FileHashes(content_sha256=content_sha256, audio_id=f"r1:{payload_sha256}")
    content_sha256 = content_sha256_of(file)
    audio_id = _unsorted_id(file, sound, payload)
    return FileHashes(content_sha256=content_sha256, audio_id=audio_id or f"f1:{content_sha256}")


def audio_id_of(file: BinaryIO) -> str:
    """The identity of the sound in an open file. Raises as :func:`hash_file` does."""
    sound = find_sound(file)
    return _unsorted_id(file, sound, _payload(file, sound)) or f"f1:{content_sha256_of(file)}"


def content_sha256_of(file: BinaryIO) -> str:
    """Hash all bytes of an open file: 64 hex digits. Raises OSError if it cannot be read."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _payload(file: BinaryIO, sound: SoundRange) -> Payload | None:
    walk = _WALKERS.get(sound.container)
    return walk(SoundView(file, sound), sound.end - sound.start) if walk is not None else None


def _unsorted_id(file: BinaryIO, sound: SoundRange, payload: Payload | None) -> str | None:
    """The identity by ranges, else by packets; None where there are neither."""
    if payload is not None:
        return f"r1:{_ranges_sha256(file, sound, payload)}"
    packets = packets_sha256(SoundView(file, sound), sound.container)
    return None if packets is None else f"p1:{packets}"


def _ranges_sha256(file: BinaryIO, sound: SoundRange, payload: Payload) -> str:
    digest = hashlib.sha256(payload.form)
    for start, end in zip(payload.starts, payload.ends, strict=True):
        position, last = sound.start + int(start), sound.start + int(end)
        file.seek(position)
        while position < last and (block := file.read(min(_BLOCK_BYTES, last - position))):
            digest.update(block)
            position += len(block)
    return digest.hexdigest()


def _hash_in_one_pass(file: BinaryIO, sound: SoundRange, payload: Payload) -> tuple[str, str]:
    """(SHA-256 of the file, SHA-256 of the payload), from one read of the file in blocks."""
    whole, part = hashlib.sha256(), hashlib.sha256(payload.form)
    starts, ends = payload.starts + sound.start, payload.ends + sound.start
    position, index = 0, 0
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        whole.update(block)
        view, block_end = memoryview(block), position + len(block)
        last = int(starts.searchsorted(block_end))  # the ranges from here on start behind the block
        for start, end in zip(starts[index:last].tolist(), ends[index:last].tolist(), strict=True):
            part.update(view[max(0, start - position) : end - position])
        # A range that goes on in the next block is the only one that is looked at again.
        index = max(index, last - 1) if last and ends[last - 1] > block_end else last
        position = block_end
    return whole.hexdigest(), part.hexdigest()
