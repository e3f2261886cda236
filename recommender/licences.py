"""Which licence allows which use: the gate every encoder and every source passes before its data is used."""

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
"""By name. ``own``: the operator's own data or data they hold rights to. ``none``: published without a licence, so
nothing beyond personal use is granted (music-map)."""

_BREADTH = {use.value: place for place, use in enumerate((Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL))}
"""From the narrowest use to the widest: what may be used for one may be used for those before it."""


def find_licence(name: str) -> Licence:
    """The licence called ``name``; one we do not know grants nothing beyond personal use."""
    return LICENCES.get(name, Licence(name=name, allows=_PERSONAL))


def require(what: str, licence: Licence, use: Use) -> None:
    """Refuse ``what`` unless ``licence`` allows ``profile``. Raises LicenceRefused."""
    if use not in licence.allows:
        raise LicenceRefused(what, licence.name, use.value)


def covers(built_for: str, use: Use) -> bool:
    """Whether what was built under the profile ``built_for`` may be used for ``use``; an unknown one only personally.

    >>> covers("commercial", Profile.PERSONAL), covers("personal", Profile.COMMERCIAL)
    (True, False)
    """
    return _BREADTH.get(built_for, 0) >= _BREADTH[use.value]


def require_use(what: str, built_for: str, use: Use) -> None:
    """Refuse ``what`` unless the profile it was ``built_for`` covers ``use``. Raises LicenceRefused."""
    if not covers(built_for, use):
        raise LicenceRefused(what, f"for {built_for} use", use.value)
