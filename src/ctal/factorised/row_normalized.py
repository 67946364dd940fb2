"""Row-normalized, non-negative cosine affinities in linear time.

The affinity between pixels j and q in task k is 1 + cos(F_k[:, j], F_k[:, q]), in 0..2, and every
row is divided by its sum over q:

    R_k[j, q] = (1 + X_k[:, j] . X_k[:, q]) / r_k[j]      X_k = F_k with columns at unit length
    r_k[j]    = sum_q (1 + X_k[:, j] . X_k[:, q]) = P + X_k[:, j] . sum_q X_k[:, q]

so a row sum requires one vector per image instead of all pairs of pixels. The same applies to the
propagated values, because the sums over q do not depend on j:

    out_t[:, j] = sum_k s_tk sum_q V_t[:, q] R_k[j, q]
                = sum_k s_tk / r_k[j] (sum_q V_t[:, q] + S_tk X_k[:, j])
    S_tk        = sum_q V_t[:, q] X_k[:, q]^T             in R^{C x C}

This needs O(P T^2 C^2) multiply-adds and O(P T C) memory instead of O(P^2 T C) and O(P^2 T). A row
sum is at least 1, since a pixel's cosine with itself is 1 (0 for a pixel without features).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.factorised.layout import to_maps, wide_dtype


def row_normalized_affinity(features: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """Propagate values along a mixture of row-normalized affinities.

    Args:
        features: (B, T, C, H, W), F_k before normalization.
        values: (B, T, D, H, W), V_t.
        shares: (T, T), s_tk, the share of task k in the affinity of task t.

    Returns:
        (B, T, D, H, W), out_t, in float32 or wider, also under autocast, since sums over all
        pixels are inaccurate in half precision.
    """
    B, T, C, H, W = features.shape
    D, P = values.shape[2], H * W
    with torch.autocast(features.device.type, enabled=False):
        dtype = wide_dtype(features.dtype)
        X = F.normalize(_rows(features.to(dtype)), dim=-1)  # (B, P, T, C)
        V, shares = _rows(values.to(dtype)), shares.to(dtype)
        # means over q instead of sums, here and in S, so that nothing grows with P
        row_sums = 1 + torch.einsum("bptc,btc->bpt", X, X.mean(1))
        S = (V.flatten(2).mT @ X.flatten(2) / P).view(B, T, D, T, C)
        S = (shares[:, None, :, None] * S).view(B, T * D, T * C)
        out = (X / row_sums.unsqueeze(-1)).flatten(2) @ S.mT  # (B, P, T D)
        weights = row_sums.reciprocal() @ shares.mT  # (B, P, T)
        out = out.view(B, P, T, D) + weights.unsqueeze(-1) * V.mean(1, keepdim=True)
        return to_maps(out.view(B, H, W, T, D))


def _rows(maps: Tensor) -> Tensor:
    """Convert maps (B, T, C, H, W) to rows (B, P, T, C), P = H * W."""
    return maps.permute(0, 3, 4, 1, 2).flatten(1, 2)
