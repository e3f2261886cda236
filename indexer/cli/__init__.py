"""The commands that index music: each opens what it needs, calls one function and prints one report."""

from __future__ import annotations
