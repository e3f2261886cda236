"""Which licence allows which use: every encoder and every source is checked here before its data is used."""

from __future__ import annotations

from recommender.errors import LicenceRefused
from recommender.types import Licence, Use

_EVERYONE = frozenset(Use)
_NOT_COMMERCIAL = frozenset({Use.PERSONAL, Use.NONCOMMERCIAL})
_PERSONAL = frozenset({Use.PERSONAL})

LICENCES = {
    licence.name: licence
    for licence in (
        Licence(name="own", allows=_EVERYONE),
        Licence(name="CC0-1.0", allows=_EVERYONE),
        Licence(name="CC-BY-4.0", allows=_EVERYONE),
        Licence(name="CC-BY-SA-4.0", allows=_EVERYONE),
        Licence(name="Apache-2.0", allows=_EVERYONE),
        Licence(name="MIT", allows=_EVERYONE),
        Licence(name="ISC", allows=_EVERYONE),
        Licence(name="CC-BY-NC-4.0", allows=_NOT_COMMERCIAL),
        Licence(name="CC-BY-NC-SA-4.0", allows=_NOT_COMMERCIAL),
        Licence(name="CC-BY-NC-SA-3.0", allows=_NOT_COMMERCIAL),
        Licence(name="none", allows=_PERSONAL),
    )
}
"""Licences by name. ``own``: the operator's own data, or data that the operator has rights to. ``none``: published
without a licence, as music-map is, so that only personal use is granted."""

_BREADTH = {use.value: rank for rank, use in enumerate((Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL))}
"""Use -> rank, from the narrowest use to the widest. What may be used for one may be used for all narrower ones."""


def find_licence(name: str) -> Licence:
    """The licence called ``name``. An unknown licence allows personal use only."""
    return LICENCES.get(name, Licence(name=name, allows=_PERSONAL))


def require(what: str, licence: Licence, use: Use) -> None:
    """Refuse ``what`` unless ``licence`` allows ``use``. Raises LicenceRefused."""
    if use not in licence.allows:
        raise LicenceRefused(what, licence.name, use.value)


def covers(built_for: str, use: Use) -> bool:
    """Whether data built for ``built_for`` may be used for ``use``. An unknown ``built_for`` counts as personal.

    >>> covers("commercial", Use.PERSONAL), covers("personal", Use.COMMERCIAL)
    (True, False)
    """
    return _BREADTH.get(built_for, 0) >= _BREADTH[use.value]


def require_use(what: str, built_for: str, use: Use) -> None:
    """Refuse ``what`` unless the use it was ``built_for`` covers ``use``. Raises LicenceRefused."""
    if not covers(built_for, use):
        raise LicenceRefused(what, f"for {built_for} use", use.value)
