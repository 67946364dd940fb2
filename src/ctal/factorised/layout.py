"""Layouts of the factorised form: maps (B, T, C, H, W), and rows of pixels (B, H, W, T, C)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SMALLEST_NORM = 1e-12  # as in F.normalize


def to_rows(maps: Tensor) -> Tensor:
    """Convert maps (B, T, C, H, W) to contiguous rows (B, H, W, T, C)."""
    return maps.permute(0, 3, 4, 1, 2).contiguous()


def to_maps(rows: Tensor) -> Tensor:
    """View rows (B, H, W, T, C) as maps (B, T, C, H, W), without a copy."""
    return rows.permute(0, 3, 4, 1, 2)


def stack_tasks(maps: Sequence[Tensor]) -> Tensor:
    """Stack T maps (B, C, H, W) to (B, T, C, H, W), in the memory order of rows."""
    return to_maps(torch.stack([x.movedim(1, -1) for x in maps], dim=3))


def unit_rows(features: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Normalize the features of every pixel; return rows in `dtype` and the original norms."""
    # torch's loops with two types are several times slower than a copy
    wide = features.to(wide_dtype(features.dtype))
    norm = torch.linalg.vector_norm(wide, dim=2, keepdim=True).clamp_min_(SMALLEST_NORM)
    B, T, C, H, W = features.shape
    rows = features.new_empty(B, H, W, T, C, dtype=dtype)
    if dtype == wide.dtype:
        torch.div(wide, norm, out=to_maps(rows))  # without an intermediate copy
    else:
        to_maps(rows).copy_(wide / norm)
    return rows, to_rows(norm)


def mixing_rows(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert mixing weights (M, P, T, f, f) to rows (M, f^2, P, T)."""
    return weight.flatten(3).permute(0, 3, 1, 2).to(dtype).contiguous()


def sum_of_pixels(values: Tensor, M: int) -> Tensor:
    """Compute sum_q V_t[:, q] of maps (B, T, C, H, W) with the shape (B, 1, M, T/M * C)."""
    B, T, C, _, _ = values.shape
    return values.sum((3, 4), dtype=wide_dtype(values.dtype)).view(B, 1, M, T // M * C)


def empty_rows(maps: Tensor) -> Tensor:
    """Return rows (B, H, W, T, C) without values, with the dtype and device of maps."""
    B, T, C, H, W = maps.shape
    return maps.new_empty(B, H, W, T, C)


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of sums: float64 for float64, otherwise float32."""
    return torch.promote_types(dtype, torch.float32)
