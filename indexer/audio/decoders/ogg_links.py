"""A chained Ogg file (several streams one behind another, as radio recorders write it): each link decoded by itself.

FFmpeg gives 12 to 126 ms too much at the joints of Vorbis links, and libsndfile reads only the first link, so each link
is given to a decoder as if it were a file.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import soxr

from indexer.audio.containers import Container
from indexer.audio.decoder_base import AudioInfo, Block, Decoder, Excerpt, Mix, Passage, Sound
from indexer.audio.lengths.ogg_pages import find_links
from indexer.audio.rejection_reasons import Reason
from indexer.audio.sound_range import SoundRange
from recommender.errors import BadInput
from recommender.types import Waveform

MAX_LINKS = 1000
"""A day of radio has some hundred songs."""


def links_of(sound: Sound) -> list[Sound]:
    """The links of an ogg file; ``sound`` itself if it is not chained. Raises BadInput ``unsupported`` over 1,000."""
    parts = find_links(sound.view())
    if len(parts) == 1:
        return [sound]
    if len(parts) > MAX_LINKS:
        detail = f"it is a chain of {len(parts)} ogg files; up to {MAX_LINKS} are read, split it"
        raise BadInput(Reason.UNSUPPORTED, detail)
    at = sound.range.start
    ranges = (SoundRange(start=at + start, end=at + end, container=Container.OGG) for start, end in parts)
    return [Sound(file=sound.file, range=link, is_link=True) for link in ranges]


class LinkDecoder:
    """Joins the links of one file: the rate and channels are those of the first, others are resampled to it.

    A link that cannot be decoded is left out; the last one may not be cut off.
    """

    def __init__(self, links: list[Sound], decoder: Decoder) -> None:
        self._links, self._decoder = links, decoder

    def info(self, sound: Sound) -> AudioInfo:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        infos = [info for _, info in self._readable_links()]
        return dataclasses.replace(infos[0], duration_s=math.fsum(info.duration_s for info in infos))

    def _readable_links(self) -> list[tuple[Sound, AudioInfo]]:
        readable: list[tuple[Sound, AudioInfo]] = []
        refusal: BadInput | None = None
        for link in self._links:
            try:
                readable.append((link, self._decoder.info(link)))
            except BadInput as error:
                if error.reason == Reason.TRUNCATED and link is self._links[-1]:
                    raise
                refusal = refusal or error
        if not readable and refusal is not None:
            raise refusal
        return readable

    def read(self, sound: Sound, *, excerpt: Excerpt, mix: Mix) -> Passage:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        links = self._readable_links()
        rate_hz = links[0][1].sample_rate_hz
        start_s, end_s = excerpt.start_ms / 1000, (excerpt.start_ms + excerpt.length_ms) / 1000
        pieces: list[Waveform] = []
        messages: list[str] = []
        link_start_s = 0.0
        for link, info in links:
            own_start_s = max(0.0, start_s - link_start_s)
            own_end_s = min(info.duration_s, end_s - link_start_s)
            link_start_s += info.duration_s
            if own_end_s <= own_start_s:
                continue
            passage = self._decoder.read(link, excerpt=_around(own_start_s, own_end_s), mix=mix)
            messages.append(passage.decoder_message)
            pieces.append(_piece(passage, own_start_s, own_end_s, rate_hz=rate_hz))
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        return Passage(samples=samples, sample_rate_hz=rate_hz, decoder_message=max(messages, default="", key=len))

    def blocks(self, sound: Sound) -> Iterator[Block]:
        """See :class:`indexer.audio.decoder_base.Decoder`."""
        for link, _ in self._readable_links():
            yield from self._decoder.blocks(link)


def _around(start_s: float, end_s: float) -> Excerpt:
    """Whole milliseconds around a part of a link, which starts and ends between them."""
    start_ms = math.floor(start_s * 1000)
    return Excerpt(start_ms=start_ms, length_ms=math.ceil(end_s * 1000) - start_ms)


def _piece(passage: Passage, start_s: float, end_s: float, *, rate_hz: int) -> Waveform:
    """Exactly the samples from ``start_s`` to ``end_s`` of what was decoded around them, at ``rate_hz``."""
    own_hz = passage.sample_rate_hz
    first = round(start_s * own_hz) - (math.floor(start_s * 1000) * own_hz + 500) // 1000
    exact = passage.samples[max(0, first) :][: round(end_s * own_hz) - round(start_s * own_hz)]
    if own_hz == rate_hz:
        return exact
    return np.asarray(soxr.resample(exact, own_hz, rate_hz, quality="HQ"), dtype=np.float32)
