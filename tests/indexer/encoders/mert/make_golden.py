"""Make ``golden.json``: tiny checkpoints through transformers 4.30.2, whose HubertModel equals the published MERT code.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install torch numpy safetensors transformers==4.30.2
    /tmp/golden/bin/python -m tests.indexer.encoders.mert.make_golden

The checkpoints and the clip are made from seeds by arithmetic that no library version changes
(indexer/encoders/mert/random_checkpoint.py). For both places of the norms it records every hidden state of three
frames and every state's mean over time. Committed: made on an x86-64 CPU with torch 2.13.0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from indexer.encoders.mert.random_checkpoint import uniform
from recommender.types import Waveform
from tests.indexer.encoders.mert import tiny

GOLDEN = Path(__file__).with_name("golden.json")
SAMPLES = 36_123
FRAMES = (0, 57, 111)


def golden_clip() -> Waveform:
    """A second and a half, not a whole number of frames, off centre and quiet."""
    return np.asarray(0.01 * uniform("golden clip", SAMPLES, 7) + 0.003, dtype=np.float32)


def record() -> dict[str, object]:
    """Both checkpoints' states, as nested lists."""
    import transformers

    found: dict[str, object] = {"transformers": transformers.__version__, "torch": torch.__version__}
    for name, geometry in (("post_norm", tiny.POST_NORM), ("pre_norm", tiny.PRE_NORM)):
        states = torch.cat(tiny.reference_states(tiny.reference_model(geometry), golden_clip())).double()
        found[name] = {"frames": _short(states[:, FRAMES]), "means": _short(states.mean(1))}
    return found


def _short(tensor: torch.Tensor) -> object:
    rounded: object = json.loads(json.dumps(tensor.tolist()), parse_float=lambda text: float(f"{float(text):.8g}"))
    return rounded


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(record()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{GOLDEN}\n")
