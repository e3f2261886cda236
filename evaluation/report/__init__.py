"""evaluation/report: TODO-DOC."""

from __future__ import annotations
