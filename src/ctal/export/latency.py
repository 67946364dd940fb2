"""The compiled network, for a comparison of latencies."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ctal.export.tracing import Deployed


def compiled(model: Deployed, image: Tensor) -> tuple[Callable[[Tensor], object] | None, str]:
    """Compile the network for images like `image`; return it, or None and the reason."""
    run: Any = torch.compile(model)
    try:
        with torch.inference_mode():
            run(image)
    except Exception as error:  # a missing or failing compiler raises many types
        return None, textwrap.shorten(str(error), 120) or type(error).__name__
    return run, ""
