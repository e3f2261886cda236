"""Publishing: read a built generation back, judge it at the gate, make it the served one; and roll back."""

from __future__ import annotations
