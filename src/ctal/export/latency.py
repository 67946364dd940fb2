"""How long a picture takes in the file and in PyTorch, as it is and compiled."""

from __future__ import annotations

import statistics
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ctal.cost import REPEATS, WARM_UP
from ctal.export.tracing import Deployed


@torch.inference_mode()
def latencies(runs: Mapping[str, Callable[[Tensor], object]], image: Tensor) -> dict[str, float]:
    """Median time of one picture in milliseconds, by name.

    They take turns, so that a machine that is busy for a while is so for all of them.

    Args:
        runs: what maps a picture, by name.
        image: (1, 3, H, W) in 0..1.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(WARM_UP + REPEATS):
        for name, run in runs.items():
            start = time.perf_counter()
            run(image)
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def compiled(model: Deployed, image: Tensor) -> tuple[Callable[[Tensor], object] | None, str]:
    """The network compiled by torch for pictures like `image`, or None, and why it cannot be."""
    run: Any = torch.compile(model)
    try:
        with torch.inference_mode():
            run(image)
    except Exception as error:  # no compiler, or one that stumbles: both show in many ways
        return None, textwrap.shorten(str(error), 120) or type(error).__name__
    return run, ""
