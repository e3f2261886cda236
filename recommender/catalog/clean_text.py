"""Cleans names, titles and external ids before they are stored, and sets how long each may be."""

from __future__ import annotations

import re
import unicodedata

from recommender.errors import BadInput
from recommender.names import fold

MAX_BYTES = 2000
"""Bytes of a name or title in UTF-8, both as given and folded. PostgreSQL can index at most 2704 bytes of a row."""
MAX_EXTERNAL_ID_BYTES = 200
MAX_NAMESPACE = 32
"""Characters, as in the columns of tables.py; the same of a source and of a kind of collaboration."""
MAX_SOURCE = 64
MAX_KIND = 32

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})
"""Unicode categories: control characters, which PostgreSQL or a terminal cannot take, and lone surrogates."""


def clean(text: str, *, what: str, max_bytes: int = MAX_BYTES) -> str:
    """``text`` in one normal form: NFC, single spaces, no space at the ends. The result may be empty.

    Raises BadInput ``bad_text`` for control characters (NUL, escape sequences), lone surrogates and excess length.
    """
    if text.isascii() and text.isprintable() and len(text) <= max_bytes:
        return " ".join(text.split())  # the fast path of most names
    spaced = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    bad = next((char for char in spaced if unicodedata.category(char) in _REFUSED_CATEGORIES), None)
    if bad is not None:
        raise BadInput("bad_text", f"the {what} has the character U+{ord(bad):04X}; remove it")
    composed = unicodedata.normalize("NFC", spaced)
    longest = max(len(composed.encode()), len(fold(composed).encode()))
    if longest > max_bytes:
        raise BadInput("bad_text", f"the {what} is {longest} bytes long; at most {max_bytes} are kept")
    return composed


def clean_external_id(namespace: str, value: str) -> tuple[str, str]:
    """An external id in one normal form: the namespace in lower case, and the value too when it is an MBID.

    Raises BadInput ``bad_external_id`` or ``bad_text``.
    """
    namespace = clean(namespace, what="namespace").lower()
    value = clean(value, what="external id")
    if not namespace or len(namespace) > MAX_NAMESPACE:
        raise BadInput("bad_external_id", f"a namespace has 1 to {MAX_NAMESPACE} characters, not {namespace!r}")
    if not value or len(value.encode()) > MAX_EXTERNAL_ID_BYTES:
        problem = f"an id in {namespace!r} has 1 to {MAX_EXTERNAL_ID_BYTES} bytes, not {value!r}"
        raise BadInput("bad_external_id", problem)
    return namespace, value.lower() if namespace == "mbid" else value
