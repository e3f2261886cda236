"""Makes one score of the signals' opinions: weight profiles, several seeds, and what each signal contributed."""

from __future__ import annotations
