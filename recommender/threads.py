"""How many threads the libraries under numpy, FAISS and torch may use: read once, when they are first imported."""

from __future__ import annotations

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables of the environment that each of them reads."""
