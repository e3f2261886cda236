"""ID3 frames: values that ID3v2.3 joins with a slash, and names that have one."""

from __future__ import annotations

import pytest
from mutagen.id3 import ID3, TPE1, TXXX

from indexer.audio.tags.id3_frames import raw_id3

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
