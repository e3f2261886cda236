"""The audio format of a file, by its bytes and never by its name; and the suffixes that a scan looks at."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from indexer.audio.rejection_reasons import Reason
from indexer.audio.safe_open import open_regular
from indexer.audio.signatures import Container
from indexer.audio.sound_range import find_sound
from recommender.errors import BadInput

__all__ = ["AUDIO_SUFFIXES", "DECODED_SUFFIXES", "IGNORED_SUFFIXES", "Container", "looks_like_audio", "sniff"]


def _suffixes(*groups: str) -> frozenset[str]:
    return frozenset(f".{word}" for group in groups for word in group.split())


_SINGLE_FORMAT = "wav wave rf64 bwf aif aiff aifc w64 flac caf au snd ape wv tta mp3 mp2 mp1 aac ac3 eac3"
_ANY_CODEC = "ogg oga opus spx m4a m4b mp4 mka webm wma asf"
_NOT_DECODED = "dsf dff mpc dts mid midi"

DECODED_SUFFIXES = _suffixes(_SINGLE_FORMAT, _ANY_CODEC)
"""File name suffixes of formats that are decoded, in lower case with the dot."""

AUDIO_SUFFIXES = _suffixes(_SINGLE_FORMAT, _ANY_CODEC, _NOT_DECODED)
"""File name suffixes of audio, in lower case with the dot. Formats that are not decoded are among them, so that such a
file is rejected with a reason and not passed over."""

_IMAGES = "jpg jpeg png gif bmp webp tif tiff svg ico heic"
_TEXTS = "txt md rst nfo log pdf rtf doc docx odt html htm xml lrc srt"
_DATA = "csv tsv json jsonl ndjson yaml yml toml ini cfg db sqlite"
_PLAYLISTS = "m3u m3u8 pls xspf cue wpl asx"
_CHECKSUMS = "sfv md5 sha1 sha256 ffp accurip par2 torrent"
_LEFTOVERS = "url lnk zip 7z rar gz tar py pyc sh als asd reapeaks pk sfk part crdownload tmp bak"

IGNORED_SUFFIXES = _suffixes(_IMAGES, _TEXTS, _DATA, _PLAYLISTS, _CHECKSUMS, _LEFTOVERS)
"""File name suffixes of what lies beside audio, in lower case with the dot. Such files are not reported."""


def sniff(file: BinaryIO) -> Container:
    """The format of ``file``. Reads a few kilobytes; the file position afterwards is undefined.

    Playlists, concatenation scripts and other text are never audio here, even under a name like a.mp3, so no file can
    make a decoder open another file or a network address.

    Raises BadInput: ``not_audio``, or ``unsupported`` for audio of a format Soundkin does not decode.
    """
    return find_sound(file).container


def looks_like_audio(source: Path | bytes) -> bool:
    """Whether the first bytes of a file (or a header already read) are those of any audio format, decoded or not.

    Unlike :func:`sniff`, it does not search behind unknown bytes. A file that cannot be opened is none.
    """
    try:
        if isinstance(source, bytes):
            find_sound(io.BytesIO(source), search=False)
        else:
            _sniff_path(source)
    except BadInput as error:
        return error.reason == Reason.UNSUPPORTED
    return True


def _sniff_path(path: Path) -> None:
    with open_regular(path) as file:
        find_sound(file, search=False)
