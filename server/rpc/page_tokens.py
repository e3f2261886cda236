"""Page tokens: where the next page starts, bound to one request and one generation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import TypeVar

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidPageToken
from recommender.generation.open_generation import Manifest

_FORMAT = 1
_LAYOUT = struct.Struct(">B8s16sI")
"""Format, generation, request, offset."""
_CHECK_BYTES = 8

Paged = TypeVar("Paged", pb.SimilarArtistsRequest, pb.SimilarTracksRequest)
Item = TypeVar("Item")


def read_offset(request: Paged, manifest: Manifest) -> int:
    """Where the page that ``request`` asks for starts; 0 without a token.

    Raises:
        InvalidPageToken: the token is altered, another request's, or another generation's.
    """
    if not request.page_token:
        return 0
    form, generation, digest, offset = _unpack(request.page_token)
    if form != _FORMAT:
        raise InvalidPageToken("was made by another release")
    if generation != _generation_digest(manifest):
        raise InvalidPageToken("is of another generation; a new one was published since")
    if digest != _request_digest(request):
        raise InvalidPageToken("belongs to another request")
    return int(offset)


def make_token(request: Paged, manifest: Manifest, offset: int) -> str:
    """The token of the page of ``request`` that starts at ``offset``."""
    packed = _LAYOUT.pack(_FORMAT, _generation_digest(manifest), _request_digest(request), offset)
    return base64.urlsafe_b64encode(packed + _check(packed)).decode().rstrip("=")


def cut(found: list[Item], n: int) -> tuple[list[Item], bool]:
    """The first ``n`` of up to ``n + 1`` items, and whether there are more.

    >>> cut(["a", "b", "c"], 2), cut(["a", "b"], 2)
    ((['a', 'b'], True), (['a', 'b'], False))
    """
    return found[:n], len(found) > n


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


def _generation_digest(manifest: Manifest) -> bytes:
    identity = f"{manifest.version}\n{manifest.built_at}\n{manifest.space.key}"
    return hashlib.blake2b(identity.encode(), digest_size=8).digest()


def _request_digest(request: Paged) -> bytes:
    """Over everything but the token and the size of the page, which may change from page to page."""
    rest = type(request)()
    rest.CopyFrom(request)
    rest.ClearField("page_token")
    rest.ClearField("limit")
    text = f"{rest.DESCRIPTOR.full_name}\n".encode() + rest.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=16).digest()
