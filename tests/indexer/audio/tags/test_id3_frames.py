"""ID3 frames: values that ID3v2.3 joins with a slash, and names that have one."""

from __future__ import annotations

import contextlib
import io

import pytest
from mutagen.id3 import ID3, TPE1, TXXX

from indexer.audio.tags.id3_frames import MAX_FRAMES, raw_id3, require_few_frames

MBID = "8e66ea2b-b57b-47d9-8df0-df4630aeb8e5"
OTHER = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("artist", "ids", "names"),
    [
        ("Alpha One/Beta Two", f"{MBID}/{OTHER}", ["Alpha One", "Beta Two"]),
        ("AC/DC", MBID, ["AC/DC"]),
        ("AC/DC", "", ["AC/DC"]),
        ("AC/DC/Beta Two", f"{MBID}/{OTHER}", ["AC/DC/Beta Two"]),
    ],
)
def test_a_slash_cuts_only_where_as_many_ids_follow(artist: str, ids: str, names: list[str]) -> None:
    tags = ID3()
    tags.add(TPE1(encoding=3, text=[artist]))
    tags.add(TXXX(encoding=3, desc="MusicBrainz Artist Id", text=[ids]))
    assert raw_id3(tags)["artist"] == names


def test_a_text_frame_gives_what_no_frame_gives_and_nothing_else() -> None:
    tags = ID3()
    tags.add(TPE1(encoding=3, text=["Low"]))
    tags.add(TXXX(encoding=3, desc="ARTIST", text=["Somebody Else"]))
    tags.add(TXXX(encoding=3, desc="Album_Artist", text=["Low & Co"]))
    tags.add(TXXX(encoding=3, desc="MOOD", text=["sad"]))
    assert raw_id3(tags) == {"artist": ["Low"], "albumartist": ["Low & Co"]}


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize(("count", "is_read"), [(MAX_FRAMES, True), (MAX_FRAMES + 1, False)])
def test_a_tag_of_very_many_frames_is_not_parsed(version: int, count: int, is_read: bool) -> None:
    frame = b"TXX\0\0\x03\0a\0" if version == 2 else b"TXXX\0\0\0\x03\0\0\0a\0"
    size = count * len(frame)
    head = b"ID3" + bytes([version, 0, 0]) + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    with contextlib.nullcontext() if is_read else pytest.raises(ValueError, match="too many"):
        require_few_frames(io.BytesIO(head + frame * count))


@pytest.mark.parametrize(("version", "flag"), [(3, 0x80), (4, 0x08)])
def test_a_tag_of_many_compressed_bytes_is_not_parsed(version: int, flag: int) -> None:
    body = b"TPE1" + bytes([0, 6, 0, 0]) + bytes([0, flag]) + bytes(6 << 16)
    with pytest.raises(ValueError, match="too many"):
        require_few_frames(io.BytesIO(b"ID3" + bytes([version, 0, 0, 0, 0x7F, 0, 0]) + body))
    plain = body.replace(bytes([0, flag]), b"\0\0")
    require_few_frames(io.BytesIO(b"ID3" + bytes([version, 0, 0, 0, 0x7F, 0, 0]) + plain))


def test_a_text_of_very_many_values_is_not_parsed() -> None:
    body = b"TPE1" + bytes([0, 0x7F, 0, 0]) + b"\0\0\3" + b"a\0" * (1 << 20)
    with pytest.raises(ValueError, match="too many"):
        require_few_frames(io.BytesIO(b"ID3\x04\0\0\0\x7f\0\0" + body))
    require_few_frames(io.BytesIO(b"ID3\x04\0\0\0\x7f\0\0APIC" + body[4:]))
