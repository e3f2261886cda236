"""Where the sound starts and ends behind tags, padding and unknown bytes, and the view of it."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
import soundfile

from indexer.audio.containers import sniff
from indexer.audio.sound_range import MAX_JUNK_BYTES, MAX_PADDING_BYTES, SoundRange, SoundView, find_sound
from recommender.errors import BadInput
from tests.indexer.audio.written_audio import melody, write

ID3 = b"ID3\x04\0\0\0\0\x02\x10" + bytes(range(1, 17)) * 17
ID3_WITH_FOOTER = b"ID3\x04\0\x10\0\0\0\x10" + b"x" * 16 + b"3DI\x04\0\x10\0\0\0\x10"
ID3V1 = b"TAG" + b"Name".ljust(125, b"\0")
EXTENDED = b"TAG+" + bytes(223)
LYRICS_1 = b"LYRICSBEGIN" + b"[00:00]words" + b"LYRICSEND"
LYRICS_2 = b"LYRICSBEGIN" + b"IND00002" + b"10" + b"%06d" % 21 + b"LYRICS200"
STREAM_REST = bytes(i * 37 % 251 for i in range(900))


def ape(*, header: bool = True) -> bytes:
    """An APEv2 tag of one item."""
    item = b"\x05\0\0\0\0\0\0\0Title\0words"

    def block(kind: int) -> bytes:
        flags = kind | 0x80000000 if header else 0
        size = (len(item) + 32).to_bytes(4, "little")
        return b"APETAGEX" + b"\xd0\x07\0\0" + size + b"\x01\0\0\0" + flags.to_bytes(4, "little") + bytes(8)

    return (block(0x20000000) if header else b"") + item + block(0)


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of MP3 without tags."""
    return write(tmp_path_factory.mktemp("sound") / "a.mp3", melody(2)).read_bytes()


def found(content: bytes) -> SoundRange:
    return find_sound(io.BytesIO(content))


@pytest.mark.parametrize(
    "front",
    [
        b"",
        ID3,
        ID3 + ID3,
        ID3 + bytes(50) + ID3_WITH_FOOTER,
        ID3 + ID3V1,
        bytes(3000),
        bytes(64 << 10),
        bytes(200 << 10),
        ID3 + bytes(20_000),
        ID3 + b"\xff" * 5000,
        ID3 + b" " * 700,
        ape(),
        STREAM_REST,
    ],
    ids=range(13),
)
def test_an_mp3_starts_behind_whatever_is_in_front(mp3: bytes, front: bytes) -> None:
    assert found(front + mp3) == SoundRange(start=len(front), end=len(front + mp3), container="mp3")  # type: ignore[arg-type]


@pytest.mark.parametrize("front", [ID3, ID3 * 3, bytes(70_000), ID3 + bytes(999), ID3 + ID3V1])
@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg", "aiff", "m4a", "au", "caf", "w64", "aac"])
def test_every_format_starts_behind_tags_and_zeros(tmp_path: Path, suffix: str, front: bytes) -> None:
    content = write(tmp_path / f"a.{suffix}", melody(1)).read_bytes()
    assert found(content).start == 0
    assert found(front + content).start == len(front)
    assert found(front + content).container == found(content).container


@pytest.mark.parametrize(
    "back",
    [
        ID3V1,
        ape(),
        ape(header=False),
        ape() + ID3V1,
        LYRICS_2 + ID3V1,
        LYRICS_1 + ID3V1,
        EXTENDED + ID3V1,
        ID3_WITH_FOOTER,
        ape() + LYRICS_2 + ID3V1,
        LYRICS_2 + ape() + EXTENDED + ID3V1,
        ID3V1 + ape(),
    ],
    ids=range(11),
)
def test_the_sound_ends_before_the_tags_behind_it(mp3: bytes, back: bytes) -> None:
    assert found(mp3 + back).end == len(mp3)


@pytest.mark.parametrize(
    "back",
    [
        b"APETAGEX\xd0\x07\0\0\xff\xff\xff\xff" + b"\0\0\0\0\0\0\0\x80" + bytes(8),
        b"APETAGEX\xd0\x07\0\0\0\0\0\0" + bytes(16),
        b"999999LYRICS200",
        b"x99999LYRICS200",
        b"LYRICSEND",
        b"3DI\x04\0\0\x7f\x7f\x7f\x7f",
    ],
)
def test_a_tag_that_lies_about_its_size_takes_no_sound(mp3: bytes, back: bytes) -> None:
    assert found(mp3 + back).end == len(mp3 + back)


@pytest.mark.parametrize("size", [b"\x7f\x7f\x7f\x7f", b"\0\0\x10\0"])
def test_an_id3_tag_that_is_not_as_long_as_it_claims_hides_nothing(mp3: bytes, size: bytes) -> None:
    front = b"ID3\x04\0\0" + size + b"x" * 3000
    assert found(front + mp3).start == len(front)


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\nhttp://127.0.0.1:9/a.mp3\n",
        "\ufeffname\tvalue\n".encode("utf-16-le"),
        b"\xff\xfe\n\0w\0o\0r\0d\0s\0",
        b"TAG a text that starts like a tag" * 9,
        b"MAC address: 00:11:22\n",
        b".snd files are old\n",
        b"wvpk is four letters",
        b"and free as in freedom",
        bytes(300 << 10),
        b"\xff\xfb\x90\x00" * 100_000,
        b"",
        b"ID3",
        b"OggS"[:3],
    ],
    ids=range(13),
)
def test_a_text_and_noise_are_never_audio(content: bytes) -> None:
    with pytest.raises(BadInput, match="no audio format"):
        found(content)


@pytest.mark.parametrize("front", [b"#EXTM3U\n", b"PK\x03\x04\x14\0\0\0", b"RIFF\0\0\0\0AVI ", b"\0\0\x01\xba\x44\0"])
def test_an_mp3_inside_another_file_does_not_make_it_audio(mp3: bytes, front: bytes) -> None:
    with pytest.raises(BadInput, match="no audio format"):
        found(front + b"a line of text in front of the frames\n" * 20 + mp3)


def test_unknown_bytes_are_searched_up_to_a_limit(mp3: bytes) -> None:
    noise = (b"\x01" + STREAM_REST) * 400
    assert found(noise[: MAX_JUNK_BYTES - 2] + mp3).start == MAX_JUNK_BYTES - 2
    with pytest.raises(BadInput):
        found(noise[: MAX_JUNK_BYTES + 3000] + mp3[:3000])


def test_zeros_are_skipped_up_to_a_limit(mp3: bytes) -> None:
    assert found(bytes(MAX_PADDING_BYTES) + mp3).start == MAX_PADDING_BYTES
    with pytest.raises(BadInput):
        found(bytes(MAX_PADDING_BYTES + MAX_JUNK_BYTES) + mp3)


def test_a_view_gives_the_sound_and_leaves_the_file_open(mp3: bytes) -> None:
    file = io.BytesIO(ID3 + mp3 + ID3V1)
    view = SoundView(file, find_sound(file))
    assert view.read() == mp3
    assert view.seek(-5, io.SEEK_END) == len(mp3) - 5
    assert view.read(99) == mp3[-5:]
    view.seek(len(mp3) + 10)
    assert view.read(1) == b""
    with pytest.raises(OSError, match="before the start"):
        view.seek(-1)
    view.close()
    assert not file.closed


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg", "mp3"])
def test_the_libraries_read_through_a_view_what_they_refuse_or_misread_without(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", melody(3))
    frames = soundfile.info(path).frames
    path.write_bytes(ID3 + bytes(70_000) + path.read_bytes() + ape() + ID3V1)
    with path.open("rb") as file:
        view = SoundView(file, find_sound(file))
        assert soundfile.SoundFile(view).frames == frames
        view.seek(0)
        with av.open(view, "r", format=suffix) as source:
            packets = [packet.duration or 0 for packet in source.demux(audio=0)]
        assert len(packets) > 10


def test_sniff_tells_the_container_behind_tags(mp3: bytes) -> None:
    assert sniff(io.BytesIO(ID3 + bytes(9000) + mp3)) == "mp3"
