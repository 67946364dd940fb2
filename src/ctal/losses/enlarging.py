"""Bilinear enlargement of maps, and its gradient as matrix products."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def enlarged(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize maps (B, C, h, w) bilinearly, as `Network.forward` does."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def reduced(slope: Tensor, size: tuple[int, ...]) -> Tensor:
    """Compute the gradient of `enlarged` as two matrix products, several times as fast."""
    rows, columns = (
        axis_weights(small, full, slope) for small, full in zip(size, slope.shape[-2:], strict=True)
    )
    return rows.mT @ slope @ columns


def axis_weights(small: int, full: int, like: Tensor) -> Tensor:
    """Return the matrix (full, small) of linear interpolation along one axis."""
    unit = torch.eye(small, dtype=like.dtype, device=like.device)
    if small == full:
        return unit
    return F.interpolate(unit[None], size=full, mode="linear", align_corners=False)[0].mT
