"""Fixtures for tests that break things under a server of this process."""

from __future__ import annotations

from tests.server import conftest as servers

loop = servers.loop
"""An event loop in a thread of its own."""
