"""Means over labelled pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def masked(maps: Tensor, valid: Tensor) -> Tensor:
    """Cast `maps` (B, C, H, W) to float32, with 0 where not `valid` (B, H, W).

    Use this first in a loss: NaN in an unlabelled pixel would make gradients NaN even if its
    value is discarded later (0 * NaN is NaN).
    """
    return torch.where(valid.unsqueeze(1), maps.float(), 0.0)


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Average `values` (B, H, W) over `valid` (B, H, W); 0 with a gradient of 0 if none is valid.

    With `where` instead of a product, since the value of an unlabelled pixel may be NaN and its
    gradient must be 0.
    """
    total = torch.where(valid, values, 0.0).sum()
    return total / valid.sum().clamp(min=1)
