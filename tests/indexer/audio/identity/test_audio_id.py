"""The identity stays when tags, covers, padding or the container's tables change, and changes with the sound."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.audio.identity.audio_id import audio_id_of, content_sha256_of, hash_file
from recommender.errors import BadInput
from tests.indexer.audio.identity.written_files import (
    BY_PACKETS,
    KINDS,
    LOSSLESS,
    remux,
    retag,
    untag,
    with_one_sample_changed,
    write_kind,
)
from tests.indexer.audio.test_sound_range import ID3, ID3V1, LYRICS_2, ape
from tests.indexer.audio.written_audio import melody

SECONDS = 3
RATE_HZ = 48_000
QUICK_S = 2.0
OUTCOMES = ("r1:", "p1:", "f1:", "not_audio", "unsupported")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A file of each kind, all of one sound."""
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: write_kind(folder, kind, melody(SECONDS, rate_hz=RATE_HZ)).read_bytes() for kind in KINDS}


def identity(content: bytes) -> str:
    """The identity of a file with ``content``; both ways to it must agree."""
    hashes = hash_file(io.BytesIO(content))
    assert hashes.audio_id == audio_id_of(io.BytesIO(content))
    assert hashes.content_sha256 == hashlib.sha256(content).hexdigest() == content_sha256_of(io.BytesIO(content))
    return hashes.audio_id


def outcome(content: bytes) -> str:
    """The method of the identity, or the reason for which there is none."""
    try:
        return identity(content)[:3]
    except BadInput as error:
        return str(error.reason)


@pytest.mark.parametrize("kind", KINDS)
def test_our_walkers_read_every_kind_but_those_left_to_packets(originals: dict[str, bytes], kind: str) -> None:
    assert identity(originals[kind]).startswith("p1:" if kind in BY_PACKETS else "r1:")


@pytest.mark.parametrize("kind", KINDS)
def test_new_tags_a_cover_and_no_tags_keep_the_id(originals: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(originals[kind])
    if not retag(path):
        pytest.skip("mutagen writes no tags of this kind")
    assert path.read_bytes() != originals[kind]
    assert identity(path.read_bytes()) == identity(originals[kind])
    untag(path)
    assert identity(path.read_bytes()) == identity(originals[kind])


@pytest.mark.parametrize(
    ("front", "back"),
    [(ID3, b""), (ID3 + ID3, b""), (ID3 + bytes(5000), b""), (bytes(70_000), b""), (ID3 + ID3V1, ape() + ID3V1)],
    ids=["id3", "two id3", "id3 and padding", "zeros", "tags on both sides"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_around_a_file_keeps_the_id(
    originals: dict[str, bytes], kind: str, front: bytes, back: bytes
) -> None:
    assert identity(front + originals[kind] + back) == identity(originals[kind])


@pytest.mark.parametrize("kind", ["mp3", "flac", "wv", "tta", "aac"])
def test_lyrics_and_ape_tags_behind_the_sound_keep_the_id(originals: dict[str, bytes], kind: str) -> None:
    assert identity(originals[kind] + ape() + LYRICS_2 + ID3V1) == identity(originals[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_packets_copied_into_a_new_file_keep_the_id(originals: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(originals[kind])
    copied = remux(path, tmp_path / f"b.{kind}", kind).read_bytes()
    assert identity(copied) == identity(originals[kind])


def test_kinds_share_an_id_only_where_they_hold_the_same_bytes_of_sound(originals: dict[str, bytes]) -> None:
    kinds: dict[str, set[str]] = {}
    for kind, content in originals.items():
        kinds.setdefault(identity(content), set()).add(kind)
    shared = [group for group in kinds.values() if len(group) > 1]
    assert sorted(map(sorted, shared)) == [["flac.mp4", "flac.ogg"], ["frag.mp4", "m4a"], ["rf64", "w64", "wav"]]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_one_changed_sample_changes_the_id(originals: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    other = with_one_sample_changed(melody(SECONDS, rate_hz=RATE_HZ))
    assert identity(write_kind(tmp_path, kind, other).read_bytes()) != identity(originals[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_that_ends_earlier_has_another_id(originals: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    shorter = melody(SECONDS, rate_hz=RATE_HZ)[: -RATE_HZ // 2]
    assert identity(write_kind(tmp_path, kind, shorter).read_bytes()) != identity(originals[kind])


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "caf", "w64"])
def test_the_same_samples_at_another_rate_are_another_sound(originals: dict[str, bytes], kind: str) -> None:
    old, new = {
        "aiff": (b"\x40\x0e\xbb\x80", b"\x40\x0e\xac\x44"),
        "au": (b"\0\0\xbb\x80", b"\0\0\xac\x44"),
        "caf": (b"\x40\xe7\x70\0", b"\x40\xe5\x88\x80"),
    }.get(kind, (b"\x80\xbb\0\0", b"\x44\xac\0\0"))
    assert identity(originals[kind].replace(old, new, 1)) != identity(originals[kind])


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_whose_writer_left_the_size_open_is_the_same_sound(originals: dict[str, bytes], size: int) -> None:
    content = originals["wav"]
    at = content.index(b"data") + 4
    assert identity(content[:at] + size.to_bytes(4, "little") + content[at + 4 :]) == identity(content)


def test_every_link_of_a_chained_ogg_counts(originals: dict[str, bytes]) -> None:
    first, second = originals["ogg"], originals["oga"]
    assert len({identity(first + second), identity(second + first), identity(first), identity(first + first)}) == 4


def test_an_mp3_with_a_false_count_of_frames_is_the_same_sound(originals: dict[str, bytes]) -> None:
    content = bytearray(originals["mp3"])
    at = max(content.find(b"Xing"), content.find(b"Info"))
    assert at > 0
    content[at + 8 : at + 12] = b"\0\xff\xff\xff"
    assert identity(bytes(content)) == identity(originals["mp3"])


def test_what_no_method_reads_is_known_by_its_bytes() -> None:
    content = b"fLaC" + bytes(40)
    assert identity(content) == f"f1:{hashlib.sha256(content).hexdigest()}"


def test_what_is_no_audio_has_no_id() -> None:
    with pytest.raises(BadInput, match="not_audio"):
        hash_file(io.BytesIO(b"just a text"))


Damage = Callable[[bytes, int, bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "cut": lambda content, at, _: content[:at],
    "overwritten": lambda content, at, noise: content[:at] + noise + content[at + len(noise) :],
    "inserted": lambda content, at, noise: content[:at] + noise + content[at:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(part=st.floats(0, 1), noise=st.binary(min_size=1, max_size=40) | st.just(b"\xff" * 16), early=st.booleans())
def test_damaged_files_get_an_id_or_a_reason_and_quickly(
    originals: dict[str, bytes], kind: str, damage: str, part: float, noise: bytes, early: bool
) -> None:
    content = originals[kind]
    at = int(part * (300 if early else len(content)))
    started = time.process_time()
    assert outcome(DAMAGES[damage](content, at, noise)) in OUTCOMES
    assert time.process_time() - started < QUICK_S


@given(offset=st.integers(0, 400), value=st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]), kind=st.sampled_from(KINDS))
@settings(max_examples=200, deadline=None)
def test_sizes_and_counts_that_lie_make_nobody_read_more_than_there_is(
    originals: dict[str, bytes], kind: str, offset: int, value: int
) -> None:
    # The tables of an mp4 are at its end, so the last bytes are tried as well as the first.
    content = originals[kind]
    at = offset if offset % 2 else max(0, len(content) - 4 * offset)
    started = time.process_time()
    assert outcome(content[:at] + value.to_bytes(4, "big") + content[at + 4 :]) in OUTCOMES
    assert time.process_time() - started < QUICK_S


def test_many_sounds_have_many_ids(tmp_path: Path) -> None:
    ids = set()
    for seed in range(40):
        sound = melody(0.5, rate_hz=RATE_HZ, seed=seed)
        ids |= {identity(write_kind(tmp_path, kind, np.asarray(sound)).read_bytes()) for kind in ("flac", "ogg", "mp3")}
    assert len(ids) == 120
