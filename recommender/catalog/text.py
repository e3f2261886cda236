"""Which text may enter the catalogue: what both databases can store, index and print."""

from __future__ import annotations

import re
import unicodedata

from recommender.errors import BadInput
from recommender.names import fold

MAX_BYTES = 2000
"""Of a name or title in UTF-8, as given and folded. PostgreSQL indexes at most 2704 bytes a row."""
MAX_EXTERNAL_ID_BYTES = 200
MAX_NAMESPACE = 32
MAX_SOURCE = 64
MAX_KIND = 32

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_UNSTORABLE = frozenset({"Cc", "Cs"})


def clean(text: str, *, what: str, max_bytes: int = MAX_BYTES) -> str:
    """``text`` in one spelling of its own: NFC, single spaces, none at the ends. It may come out empty.

    Raises BadInput ``bad_text`` for control characters (NUL, escape sequences), lone surrogates and excess length.
    """
    if text.isascii() and text.isprintable() and len(text) <= max_bytes:
        return " ".join(text.split())  # most names: nothing to compose, nothing to refuse
    spaced = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    bad = next((char for char in spaced if unicodedata.category(char) in _UNSTORABLE), None)
    if bad is not None:
        raise BadInput("bad_text", f"the {what} holds the character U+{ord(bad):04X}; remove it")
    composed = unicodedata.normalize("NFC", spaced)
    longest = max(len(composed.encode()), len(fold(composed).encode()))
    if longest > max_bytes:
        raise BadInput("bad_text", f"the {what} is {longest} bytes long; at most {max_bytes} are kept")
    return composed


def clean_external_id(namespace: str, value: str) -> tuple[str, str]:
    """An external id in its one spelling: namespace in lower case, an MBID too. Raises BadInput ``bad_external_id``."""
    space = clean(namespace, what="namespace").lower()
    kept = clean(value, what="external id")
    if not space or len(space) > MAX_NAMESPACE:
        raise BadInput("bad_external_id", f"a namespace has 1 to {MAX_NAMESPACE} characters, not {space!r}")
    if not kept or len(kept.encode()) > MAX_EXTERNAL_ID_BYTES:
        raise BadInput("bad_external_id", f"an id in {space!r} has 1 to {MAX_EXTERNAL_ID_BYTES} bytes, not {kept!r}")
    return space, kept.lower() if space == "mbid" else kept
