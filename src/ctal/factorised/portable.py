"""Factorised form in standard torch operators, for exported files.

The equations are those of `passes`. The memory order is (T, C, H, W), so every product is a plain
matrix product, without blocks and without optimizations for one processor. No tensor has size
P x P: the largest one is a weighted copy of X, which is as large as X.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.factorised.layout import SMALLEST_NORM


def portable_affinity(
    features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute `ctal.factorised.factorised_affinity`, traceable with a dynamic batch size.

    Args:
        features: (B, T, C, H, W), before normalization.
        values: (B, T, C, H, W).
        weight: (M, P, T, f, f).
        bias: (M, P).

    Returns:
        The result (B, T, C, H, W), and an empty tensor in place of the S that the operator saves
        for its backward pass.
    """
    T, C, H, W = features.shape[1:]
    M, f = len(weight), weight.shape[-1]
    pixels = features.flatten(3)
    # over two dimensions, one of size 1: pnnx, which converts files for ncnn, loses a single one.
    # Not vector_norm, whose power of 2 TFLite does not support for five dimensions.
    squares = (pixels * pixels).unsqueeze(2).sum(dim=(2, 3), keepdim=True).squeeze(2)
    X = pixels / squares.sqrt().clamp_min(SMALLEST_NORM)  # (B, T, C, P)
    V = values.flatten(1, 2)  # (B, T C, H, W)
    S = _correlations(V, torch.unflatten(X.flatten(1, 2), 2, (H, W)), f)
    by_offset = weight.flatten(3).permute(0, 3, 2, 1)[:, :, :, None]  # (M, f^2, T, 1, P)
    V_sum = V.sum((2, 3)).unsqueeze(2)  # (B, T C, 1)
    targets, out = T // M * C, []
    for m in range(M):
        rows = slice(m * targets, (m + 1) * targets)
        mixed = bias[m] * V_sum[:, rows]
        for d, S_d in enumerate(S):
            weighted = X * by_offset[m, d]
            mixed = mixed + S_d[:, rows] @ weighted.flatten(1, 2)
        out.append(mixed)
    return torch.cat(out, dim=1).view(-1, T, C, H, W), values.new_empty(0)


def _correlations(V: Tensor, X: Tensor, f: int) -> list[Tensor]:
    """Compute S_d = sum_q V[q] X[q + d]^T for each d, f^2 tensors (B, N, K).

    V is (B, N, H, W) and X is (B, K, H, W). The image is flattened to one line of pixels with r
    zeros after every row, which suffice for a shift to either side.
    """
    H, W, r = X.shape[2], X.shape[3], f // 2
    stride = W + r
    margin = r * stride + r
    V_line = F.pad(V, (0, r)).flatten(2)
    X_line = F.pad(X, (0, r)).flatten(2).mT  # pixels first: a shift is then contiguous
    X_line = F.pad(X_line, (0, 0, margin, margin))
    starts = [margin + dy * stride + dx for dy in range(-r, r + 1) for dx in range(-r, r + 1)]
    return [V_line @ X_line[:, start : start + H * stride] for start in starts]
