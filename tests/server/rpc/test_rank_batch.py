"""BatchRankArtists: every user gets what RankArtists gives alone, and nobody's mistake costs another an answer."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from pb import soundkin_pb2 as pb
from recommender.errors import Unavailable
from server import limits
from server.rpc import rank_batch
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, open_snapshot, write_generation
from tests.server.ask import by_id, by_name, refusal, weights
from tests.server.conftest import Served, serving
