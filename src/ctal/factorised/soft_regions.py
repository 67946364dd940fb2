"""Affinities through soft regions, in linear time.

Every task divides an image softly into K regions: Phi_k in R^{K x P} is non-negative, and its
columns sum to 1. Two pixels are as alike as the regions that they share, each region c weighted by
the inverse of its size n_k[c] = sum_q Phi_k[c, q]:

    R_k[j, q] = sum_c Phi_k[c, j] Phi_k[c, q] / n_k[c]

R_k is symmetric and non-negative, and each row sums to 1 by itself. The values of task t are
propagated along a mixture of all tasks' affinities, with shares s_tk:

    out_t[:, j] = sum_k s_tk sum_q V_t[:, q] R_k[j, q] = sum_k s_tk sum_c M_tk[:, c] Phi_k[c, j]
    M_tk[:, c]  = sum_q V_t[:, q] Phi_k[c, q] / n_k[c]           the mean of the values in region c

which takes O(P T^2 C K) multiply-adds and O(P T (C + K)) memory, without any P x P matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ctal.factorised.layout import to_maps, wide_dtype


def soft_region_affinity(logits: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """Propagate values along a mixture of affinities through soft regions.

    Args:
        logits: (B, T, K, H, W); Phi_k is their softmax over K.
        values: (B, T, C, H, W), V_t.
        shares: (T, T), s_tk, the share of task k in the affinity of task t.

    Returns:
        (B, T, C, H, W), out_t, in float32 or wider, under autocast as well: sums over all pixels
        lose too much in half precision.
    """
    B, T, C, H, W = values.shape
    with torch.autocast(values.device.type, enabled=False):
        dtype = wide_dtype(values.dtype)
        phi = _rows(logits.to(dtype)).softmax(-1)  # (B, P, T, K)
        V, shares = _rows(values.to(dtype)), shares.to(dtype)
        # a region that no pixel has any share in has no mean; it is not used either
        sizes = phi.sum(1, keepdim=True).clamp_min(torch.finfo(dtype).tiny)
        means = V.flatten(2).mT @ (phi / sizes).flatten(2)  # (B, T C, T K)
        means = shares[:, None, :, None] * means.view(B, T, C, T, -1)
        out = phi.flatten(2) @ means.view(B, T * C, -1).mT  # (B, P, T C)
        return to_maps(out.view(B, H, W, T, C))


def _rows(maps: Tensor) -> Tensor:
    """(B, T, C, H, W) to (B, P, T, C), P = H * W."""
    return maps.permute(0, 3, 4, 1, 2).flatten(1, 2)
