"""Puts the stages together: ranks artists and tracks, and turns clips into a seed."""

from __future__ import annotations
