"""The measures: pure functions over arrays, one family a module."""

from __future__ import annotations
