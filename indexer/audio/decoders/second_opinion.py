"""Chooses who decodes a sound: libsndfile first, FFmpeg where it refuses or where the bytes hold more than it gives."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import TypeVar

from indexer.audio.containers import Container
from indexer.audio.decoder_base import MAX_PAD_MS, AudioInfo, Block, Decoder, Excerpt, Mix, Passage, Sound, samples_in
from indexer.audio.decoders.ffmpeg import FfmpegDecoder
from indexer.audio.decoders.ogg_links import LinkDecoder, links_of
from indexer.audio.decoders.sndfile import SndfileDecoder
from indexer.audio.lengths.byte_length import ByteLength
from indexer.audio.lengths.flac_frames import flac_length
from indexer.audio.lengths.mpeg_frames import mpeg_length
from indexer.audio.rejection_reasons import Reason
from recommender.errors import BadInput

_SNDFILE_CONTAINERS = frozenset(
    {
        Container.WAV,
        Container.AIFF,
        Container.FLAC,
        Container.OGG,
        Container.MP3,
        Container.CAF,
        Container.AU,
        Container.W64,
    }
)
_AnswerT = TypeVar("_AnswerT")
_REFUSALS = (Reason.DECODE_ERROR, Reason.UNSUPPORTED)


def decoder_for(sound: Sound) -> Decoder:
    """The decoder of ``sound``: a function of its bytes alone, so that probing and decoding agree."""
    if sound.container not in _SNDFILE_CONTAINERS:
        return FfmpegDecoder()
    links = links_of(sound) if sound.container is Container.OGG else [sound]
    return LinkDecoder(links, SecondOpinion()) if len(links) > 1 else SecondOpinion()


class SecondOpinion:
    """libsndfile, and FFmpeg for what it refuses or would give too little of."""

    def __init__(self) -> None:
        self._first, self._second = SndfileDecoder(), FfmpegDecoder()

    def info(self, sound: Sound) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`. A wrong length in the header is mended."""
        try:
            info = self._first.info(sound)
        except BadInput as refusal:
            return _unless_refused(refusal, lambda: self._second.info(sound))
        length = _length_by_bytes(sound)
        if length is not None and length.changes:
            return _unless_refused(None, lambda: self._second.info(sound))
        return dataclasses.replace(info, duration_s=self._settled_s(sound, info.duration_s, length))

    def _settled_s(self, sound: Sound, header_s: float, length: ByteLength | None) -> float:
        if math.isfinite(header_s):
            return header_s if length is None else length.settle(header_s)
        return self._first.count_s(sound) if length is None or length.is_cut else length.duration_s

    def read(self, sound: Sound, *, excerpt: Excerpt, mix: Mix) -> Passage:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        refusal = self._refusal(sound)
        if refusal is None:
            passage = self._first.read(sound, excerpt=excerpt, mix=mix)
            return self._longer(sound, passage, excerpt=excerpt, mix=mix)
        return _unless_refused(refusal, lambda: self._second.read(sound, excerpt=excerpt, mix=mix))

    def blocks(self, sound: Sound) -> Iterator[Block]:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        yield from (self._first if self._refusal(sound) is None else self._second).blocks(sound)

    def _refusal(self, sound: Sound) -> BadInput | None:
        """Why libsndfile does not decode ``sound``: it refuses, or would give less than there is."""
        try:
            header_s = self._first.header_s(sound)
        except BadInput as error:
            return error
        length = _length_by_bytes(sound)
        if length is None or not length.exceeds(header_s):
            return None
        detail = f"libsndfile gives {header_s:.2f} s of {length.duration_s:.2f} s, or at one sample rate only"
        return BadInput(Reason.DECODE_ERROR, detail)

    def _longer(self, sound: Sound, passage: Passage, *, excerpt: Excerpt, mix: Mix) -> Passage:
        """``passage`` if it is complete; else what FFmpeg gives, if that is longer: libsndfile stops at some damage."""
        if len(passage.samples) >= samples_in(excerpt.length_ms - MAX_PAD_MS, passage.sample_rate_hz):
            return passage
        try:
            other = self._second.read(sound, excerpt=excerpt, mix=mix)
        except BadInput:
            return passage
        longer = len(other.samples) / other.sample_rate_hz > len(passage.samples) / passage.sample_rate_hz
        return other if longer else passage


def _unless_refused(refusal: BadInput | None, answer: Callable[[], _AnswerT]) -> _AnswerT:
    """The answer of the second decoder; where it fails too, the reason that the first one gave."""
    if refusal is not None and refusal.reason not in _REFUSALS:
        raise refusal
    try:
        return answer()
    except BadInput as error:
        raise refusal or error from None


def _length_by_bytes(sound: Sound) -> ByteLength | None:
    if sound.container is Container.MP3:
        return mpeg_length(sound.view())
    return flac_length(sound.view()) if sound.container is Container.FLAC else None
