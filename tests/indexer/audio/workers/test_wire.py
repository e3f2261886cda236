"""Replies of a decoder that was taken over: whatever it writes is an answer that fits, or a ValueError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.audio.decode import AudioInfo
from indexer.audio.workers.jobs import Inspection, InspectJob
from indexer.audio.workers.wire import reply_from_bytes, value_to_bytes
from recommender.catalog.file_facts import FileTags
from recommender.errors import BadInput

JOB = InspectJob(path=Path("a"))
INSPECTION = Inspection(
    size=1000,
    mtime_ns=-1,
    ctime_ns=-2,
    content_sha256="0" * 64,
    audio_id="r1:" + "1" * 64,
    info=AudioInfo(duration_s=10.0, sample_rate_hz=44_100, channels=2, container="wav"),
    tags=FileTags(artists=("Low",), title="Words", genres=("slowcore",), number=3, repaired=("title",)),
)
NUMBERS = ("size", "mtime_ns", "ctime_ns", "info.sample_rate_hz", "info.channels")
FIELDS = (*NUMBERS, "content_sha256", "audio_id", "info", "info.duration_s", "info.container")
TAGS = ("tags", "tags.artists", "tags.title", "tags.genres", "tags.number", "tags.repaired")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def reply_with(field: str, value: object) -> bytes:
    """The reply of a good decoder, but for one field."""
    data: dict[str, Any] = json.loads(value_to_bytes(INSPECTION))  # Any: JSON
    at = data["inspection"]
    *folders, name = field.split(".")
    for folder in folders:
        at = at[folder]
    at[name] = value
    return json.dumps(data).encode() + b"\n"


def accepted(reply: bytes) -> Inspection | None:
    """The inspection in a reply; None for one that is refused as it should be."""
    try:
        inspection = reply_from_bytes(JOB, reply)
    except (BadInput, ValueError):
        return None
    assert isinstance(inspection, Inspection)
    return inspection


def fits(inspection: Inspection) -> bool:
    """Whether a database takes it."""
    numbers = (
        inspection.size,
        inspection.mtime_ns,
        inspection.ctime_ns,
        inspection.info.sample_rate_hz,
        inspection.info.channels,
    )
    return all(type(number) is int and abs(number) < 1 << 63 for number in numbers)


def test_a_good_reply_is_read_as_it_was_written() -> None:
    assert reply_from_bytes(JOB, value_to_bytes(INSPECTION)) == INSPECTION


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", [10**30, 1 << 63, -(10**30), True, 1.5, "1", None])
def test_a_number_that_no_database_holds_is_a_value_error(field: str, value: object) -> None:
    with pytest.raises(ValueError, match="out of range"):
        reply_from_bytes(JOB, reply_with(field, value))


@given(field=st.sampled_from(FIELDS + TAGS), value=ANYTHING)
def test_anything_anywhere_in_a_reply_fits_or_is_refused(field: str, value: object) -> None:
    inspection = accepted(reply_with(field, value))
    assert inspection is None or fits(inspection)


@given(at=st.integers(0, 500), cut=st.integers(0, 20), junk=st.binary(max_size=20))
def test_bytes_changed_anywhere_in_a_reply_fit_or_are_refused(at: int, cut: int, junk: bytes) -> None:
    reply = value_to_bytes(INSPECTION)
    inspection = accepted(reply[:at] + junk + reply[at + cut :])
    assert inspection is None or fits(inspection)
