"""Page tokens: where the next page of a ranking starts, valid for one request and one generation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import TypeVar

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidPageToken
from recommender.ranking.artists import Recommender

_FORMAT = 1
_LAYOUT = struct.Struct(">B8s16sI")
"""Format, generation, request, offset."""
_CHECK_BYTES = 8

Paged = TypeVar("Paged", pb.SimilarArtistsRequest, pb.SimilarTracksRequest)


def read_offset(request: Paged, recommender: Recommender) -> int:
    """Position in the ranking at which the page of ``request`` starts; 0 without a token.

    Raises:
        InvalidPageToken: the token is damaged, or of another request or generation.
    """
    if not request.page_token:
        return 0
    form, generation, digest, offset = _unpack(request.page_token)
    if form != _FORMAT:
        raise InvalidPageToken("was made by another release")
    if generation != _generation_digest(recommender):
        raise InvalidPageToken("is of another generation; a new one was published since")
    if digest != _request_digest(request):
        raise InvalidPageToken("belongs to another request")
    return int(offset)


def make_token(request: Paged, recommender: Recommender, offset: int) -> str:
    """The token of the page of ``request`` that starts at ``offset``."""
    packed = _LAYOUT.pack(_FORMAT, _generation_digest(recommender), _request_digest(request), offset)
    return base64.urlsafe_b64encode(packed + _check(packed)).decode().rstrip("=")


def _unpack(token: str) -> tuple[int, bytes, bytes, int]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidPageToken("is not one of ours") from error
    packed, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(packed) != _LAYOUT.size or check != _check(packed):
        raise InvalidPageToken("is altered or cut short")
    form, generation, digest, offset = _LAYOUT.unpack(packed)
    return form, generation, digest, offset


def _check(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_CHECK_BYTES, person=b"page check").digest()


def _generation_digest(recommender: Recommender) -> bytes:
    manifest = recommender.generation.manifest
    identity = f"{manifest.version}\n{manifest.built_at}\n{recommender.space_key}"
    return hashlib.blake2b(identity.encode(), digest_size=8).digest()


def _request_digest(request: Paged) -> bytes:
    """Of all fields but the token and the page size, which may change from page to page."""
    rest = type(request)()
    rest.CopyFrom(request)
    rest.ClearField("page_token")
    rest.ClearField("limit")
    text = f"{rest.DESCRIPTOR.full_name}\n".encode() + rest.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=16).digest()
