"""Names of files: which promise audio, and which live beside music and are no concern of ours."""

from __future__ import annotations


def _suffixes(*groups: str) -> frozenset[str]:
    return frozenset(f".{word}" for group in groups for word in group.split())


_DECODED = "wav wave rf64 bwf aif aiff aifc flac ogg oga opus mp3 mp2 mp1 m4a m4b mp4 aac"
_NOT_DECODED = "wma asf ape wv mka webm caf au snd w64 dsf dff tta mpc spx ac3 eac3 dts mid midi"

DECODED_SUFFIXES = _suffixes(_DECODED)
"""Those of formats that are decoded, in lower case with the dot."""

AUDIO_SUFFIXES = _suffixes(_DECODED, _NOT_DECODED)
"""In lower case with the dot. Formats that are not decoded are among them: they deserve a reason, not silence."""

_IMAGES = "jpg jpeg png gif bmp webp tif tiff svg ico heic"
_TEXTS = "txt md rst nfo log pdf rtf doc docx odt html htm xml lrc srt"
_DATA = "csv tsv json jsonl ndjson yaml yml toml ini cfg db sqlite"
_PLAYLISTS = "m3u m3u8 pls xspf cue wpl asx"
_CHECKSUMS = "sfv md5 sha1 sha256 ffp accurip par2 torrent"
_LEFTOVERS = "url lnk zip 7z rar gz tar py pyc sh als asd reapeaks pk sfk part crdownload tmp bak"

IGNORED_SUFFIXES = _suffixes(_IMAGES, _TEXTS, _DATA, _PLAYLISTS, _CHECKSUMS, _LEFTOVERS)
"""In lower case with the dot. Passed over without a word."""
