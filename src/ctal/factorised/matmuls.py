"""Five products of the factorised form as batched matrix products, for GPUs and float64.

Images are rows of pixels (B, H, W, N): the N numbers of a pixel are adjacent in memory. d runs over
the f x f offsets of a window; values outside the image are 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.factorised.layout import wide_dtype


def correlate(V: Tensor, X: Tensor, f: int) -> Tensor:
    """Compute S_d = sum_q V[q] X[q + d]^T: (B, N, H, W), (B, H, W, K) to (B, f^2, N, K)."""
    # = sum_p V[p - d] X[p]^T
    X_line = _line(X, f // 2)
    return torch.stack([v.mT @ X_line for v in _shifted(_rows(V), f, -1)], dim=1)


def gather(X: Tensor, S: Tensor) -> Tensor:
    """Compute sum_d S_d X[q + d] for every q: (B, H, W, K), (B, f^2, N, K) to (B, N, H, W)."""
    return _sum_products(X, 1, S.mT).permute(0, 3, 1, 2).contiguous()


def scatter(V: Tensor, S: Tensor, total: Tensor) -> None:
    """Add sum_d S_d^T V[p - d] for every p to total: (B, N, H, W), (B, f^2, N, K), (B, H, W, K)."""
    total += _sum_products(_rows(V), -1, S)


def apply(rows: Tensor, S: Tensor) -> Tensor:
    """Compute S rows[j] for every j: (B, J, K), (B, N, K) to (B, J, N)."""
    return rows @ S.mT


def outer(G: Tensor, rows: Tensor) -> Tensor:
    """Compute sum_j G[j] rows[j]^T: (B, J, N), (B, J, K) to (B, N, K)."""
    return G.mT @ rows


def _sum_products(rows: Tensor, sign: int, matrices: Tensor) -> Tensor:
    """Compute sum_d rows[q + sign * d] matrices[:, d] in float32 or wider."""
    _, H, W, _ = rows.shape
    f, each = round(matrices.shape[1] ** 0.5), matrices.unbind(1)
    products = (x @ matrix for x, matrix in zip(_shifted(rows, f, sign), each, strict=True))
    total = next(products).to(wide_dtype(rows.dtype))
    for product in products:
        total += product
    return total.view(len(rows), H, W + f // 2, total.shape[-1])[:, :, :W].contiguous()


def _rows(maps: Tensor) -> Tensor:
    """Convert maps (B, N, H, W) to rows (B, H, W, N)."""
    return maps.permute(0, 2, 3, 1)


def _line(rows: Tensor, r: int) -> Tensor:
    """Flatten an image to one line of pixels with r zeros after every row, (B, H * (W + r), N)."""
    return F.pad(rows, (0, 0, 0, r)).flatten(1, 2)


def _shifted(rows: Tensor, f: int, sign: int) -> Iterator[Tensor]:
    """Yield the line of pixels q + sign * d for every d of the window, as f^2 views of one copy.

    The r zeros between two rows suffice for a shift to either side.
    """
    _, H, W, _ = rows.shape
    r = f // 2
    stride = W + r
    margin = r * stride + r
    padded = F.pad(_line(rows, r), (0, 0, margin, margin))
    for dy in range(-r, r + 1):
        for dx in range(-r, r + 1):
            start = margin + sign * (dy * stride + dx)
            yield padded[:, start : start + H * stride]
