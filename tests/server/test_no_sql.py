"""The server answers from the generation alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from recommender.extras import EXTRAS, libraries
from tests.factories import MadeArtist, MadeCatalog, write_generation

PROGRAM = """
import sys
from pathlib import Path
import server.serve
from recommender.generation.open_generation import open_current
from recommender.ranking.artists import Recommender
Recommender(open_current(Path(sys.argv[1])))
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & set(sys.argv[2:])))
"""
NEVER = ("indexer", "sqlite3", *(library for extra in EXTRAS for library in libraries(extra) if library != "faiss"))


def test_serving_loads_neither_sql_nor_an_encoder_nor_the_indexer(tmp_path: Path) -> None:
    write_generation(tmp_path, MadeCatalog(artists=(MadeArtist(id="a", name="A"),)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *NEVER], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
