"""CURRENT: the one small file that says which generation is served. Renamed into place, so whole or as before."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.errors import GenerationCorrupt
from recommender.generation.manifest import SUM, sum_of, with_sum

CURRENT = "CURRENT"
POINTER_FORMAT = 1
"""Version of what CURRENT says; that of the generation itself is in its manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What CURRENT says."""

    version: int
    manifest_sha256: str
    newest: int = 0
    """The highest version there was when this was written, if higher: after a rollback, what was rolled back from."""

    @property
    def latest(self) -> int:
        """Versions up to this one were published or passed over; a higher one is on its way."""
        return max(self.version, self.newest)

    def to_json(self) -> str:
        facts = {"format": POINTER_FORMAT} | asdict(self)
        return json.dumps(with_sum(facts))

    @classmethod
    def from_json(cls, text: str) -> Pointer:
        """Parse what :meth:`to_json` wrote. Raises ValueError, KeyError or TypeError on any other shape."""
        data = json.loads(text)
        if data["format"] != POINTER_FORMAT:
            raise ValueError(f"format {data['format']}, this release reads {POINTER_FORMAT}")
        found = data.pop(SUM, None)
        if found != sum_of(data) and (found is not None or "newest" in data):  # the first release wrote neither
            raise ValueError("it does not have its checksum")
        if not isinstance(data["version"], int) or not isinstance(data["manifest_sha256"], str):
            raise TypeError("version is a number and manifest_sha256 a text")
        del data["format"]
        return cls(**data)


def read_current(home: Path) -> Pointer | None:
    """The published pointer of ``home``, or None when nothing was published. Raises GenerationCorrupt."""
    path = home / CURRENT
    try:
        return Pointer.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise GenerationCorrupt(CURRENT, str(path), f"cannot be understood ({error})") from error
