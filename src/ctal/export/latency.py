"""The network compiled by torch, to be timed beside the file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ctal.export.tracing import Deployed


def compiled(model: Deployed, image: Tensor) -> tuple[Callable[[Tensor], object] | None, str]:
    """The network compiled by torch for pictures like `image`, or None, and why it cannot be."""
    run: Any = torch.compile(model)
    try:
        with torch.inference_mode():
            run(image)
    except Exception as error:  # no compiler, or one that stumbles: both show in many ways
        return None, textwrap.shorten(str(error), 120) or type(error).__name__
    return run, ""
