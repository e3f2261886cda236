"""Files that survive crashes: atomic writes, locks, the home folder, and fault injection for tests."""

from __future__ import annotations
