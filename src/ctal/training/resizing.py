"""Faster backward pass of resizing on a CPU.

Where resized maps are concatenated, the gradient of each is a slice of channels. For such a
gradient torch 2.14 takes 5 to 9 times as long as for a copy of it (`python -m
benchmarks.resizing`), since it resizes in another memory format.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def interpolate(*args: Any, **kwargs: Any) -> Tensor:
    """Resize as `torch.nn.functional.interpolate`, and make the gradient of 2-D maps contiguous."""
    result = F.interpolate(*args, **kwargs)
    if result.requires_grad and result.ndim == 4 and not torch.compiler.is_compiling():
        result.register_hook(_in_one_piece)  # type: ignore[no-untyped-call]
    return result


def _in_one_piece(gradient: Tensor | None) -> Tensor | None:
    if gradient is None:  # as autograd writes zeros
        return None
    last = gradient.stride(1) == 1  # channels are adjacent in memory
    return gradient.contiguous(
        memory_format=torch.channels_last if last else torch.contiguous_format
    )
