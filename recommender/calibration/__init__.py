"""Makes the signals' opinions comparable: percentiles, and audio scores relative to a cohort of reference artists."""

from __future__ import annotations
