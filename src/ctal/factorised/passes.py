"""Forward and backward pass of the factorised form; nothing of size P x P is made.

With X_k[:, j] the unit features of pixel j in task k, V_t[:, q] the values of pixel q in task t and
g_t[:, j] the gradient of out_t[:, j]:

    S_{t,k,d}     = sum_q V_t[:, q] X_k[:, q+d]^T
    out_t[:, j]   = sum_{k,d} W_t[j,k,d] S_{t,k,d} X_k[:, j] + b_t[j] sum_q V_t[:, q]

    Z_{t,k,d}[j]  = S_{t,k,d}^T g_t[:, j]
    dW_t[j,k,d]   = Z_{t,k,d}[j] . X_k[:, j]            db_t[j] = g_t[:, j] . sum_q V_t[:, q]
    dS_{t,k,d}    = sum_j W_t[j,k,d] g_t[:, j] X_k[:, j]^T
    dV_t[:, q]    = sum_{k,d} dS_{t,k,d} X_k[:, q+d] + sum_j b_t[j] g_t[:, j]
    dX_k[:, p]    = sum_{t,d} W_t[p,k,d] Z_{t,k,d}[p] + sum_{t,d} dS_{t,k,d}^T V_t[:, p-d]
    dF_k[:, p]    = (dX_k[:, p] - X_k[:, p] (X_k[:, p] . dX_k[:, p])) / |F_k[:, p]|

All the weighted copies W X, and all Z, are f^2 times as large as X, so they are made for a block of
pixels and one offset d at a time, and again in the backward pass. That is given the inputs, and S
where it is the smaller: it has T^2 f^2 C^2 numbers, however large the image.

Images are rows of pixels, (B, H, W, T, C). In bfloat16 and float16 the products take and give
numbers of that type, while every sum that goes on over blocks, bands or pixels is float32: added up
in 8 bits, the later of some thousand terms would be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch
from torch import Tensor

from ctal.factorised import convolutions, matmuls
from ctal.factorised.layout import (
    joined,
    mixing_rows,
    sum_of_pixels,
    to_maps,
    to_rows,
    unit_rows,
    wide_dtype,
)

Gradients = tuple[Tensor, Tensor, Tensor, Tensor]

# Numbers in the weighted copy of one block of pixels. On a CPU it shall stay in the cache (4 MiB in
# float32); a GPU needs more work than that at a time, and has the memory.
_BLOCK_NUMBERS = {"cpu": 1 << 20}
_BLOCK_NUMBERS_ELSEWHERE = 1 << 25


def forward(
    features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """The result (B, T, C, H, W), and S for `backward`.

    Args:
        features: as in `cross_task_affinity`.
        values: as there; the products have its dtype.
        weight: as there.
        bias: as there.

    Returns:
        The result, and S (B, M, f^2, T/M * C, T * C), with B = 0 where it is not worth keeping.
    """
    W = mixing_rows(weight, values.dtype)
    parts, kept = [], values.new_empty(kept_shape(features, weight))
    for n in _portions(features):
        X, _ = unit_rows(features[n], values.dtype)
        V = to_rows(values[n])
        S = _correlation(X, V, W)
        parts.append(_forward(X, V, S, W, bias))
        if len(kept):
            kept[n] = S
    return to_maps(joined(parts)), kept


def backward(
    g: Tensor, S: Tensor, features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> Gradients:
    """The gradients of features, values, weight and bias, from that of the result."""
    W = mixing_rows(weight, values.dtype)
    dF, dV = [], []
    dW = torch.zeros_like(W, dtype=wide_dtype(W.dtype))
    db = torch.zeros_like(bias, dtype=dW.dtype)
    for n in _portions(features):
        X, norm = unit_rows(features[n], values.dtype)
        V = to_rows(values[n])
        own_S = S[n] if len(S) else _correlation(X, V, W)
        dX, dV_part = _backward(to_rows(g[n]), X, V, own_S, W, bias, dW, db)
        along = (X * dX).sum(-1, keepdim=True)
        dF.append(dX.addcmul_(X.to(dX.dtype), along, value=-1).div_(norm).to(features.dtype))
        dV.append(dV_part.to(values.dtype))
    dW = dW.permute(0, 2, 3, 1).to(weight.dtype).contiguous().view(weight.shape)
    return to_maps(joined(dF)), joined(dV), dW, db.to(bias.dtype)


def kept_shape(features: Tensor, weight: Tensor) -> tuple[int, ...]:
    """The shape of the S that the backward pass is given."""
    B, T, C, H, W = features.shape
    M, f = len(weight), weight.shape[-1]
    worth_keeping = T * C * f**2 <= H * W  # at most as large as one of the inputs
    return B if worth_keeping else 0, M, f**2, T // M * C, T * C


def _forward(X: Tensor, V: Tensor, S: Tensor, W: Tensor, bias: Tensor) -> Tensor:
    """The result as rows, from X, V (B, H, W, T, C), W (M, f^2, P, T) and b (M, P)."""
    products, rows = _products(X), X.flatten(1, 2)
    V_sum = sum_of_pixels(V, len(W))
    out = X.new_empty(*rows.shape[:2], *V_sum.shape[2:])  # (B, P, M, T/M * C)
    for block in _blocks(rows):
        x = rows[:, block]
        for m in range(len(W)):
            mixed = bias[m, block, None] * V_sum[:, :, m]
            for d in range(W.shape[1]):
                weighted = x * W[m, d, block, :, None]  # (B, J, T, C)
                mixed += products.apply(weighted.flatten(2), S[:, m, d])
            out[:, block, m] = mixed
    return out.view(V.shape)


def _backward(
    g: Tensor, X: Tensor, V: Tensor, S: Tensor, W: Tensor, bias: Tensor, dW: Tensor, db: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients dX, as rows, and dV (B, T, C, H, W).

    Adds to dW (M, f^2, P, T) and db (M, P).
    """
    products, wide, (B, _, _, T, C) = _products(X), wide_dtype(X.dtype), X.shape
    S_T, dS = S.mT.contiguous(), torch.zeros_like(S, dtype=wide)
    rows = X.flatten(1, 2)
    G = g.reshape(*rows.shape[:2], len(W), S.shape[3])
    dX = torch.zeros_like(rows, dtype=wide)
    V_sum = sum_of_pixels(V, len(W))
    dV_sum = torch.zeros_like(V_sum[:, 0])
    for block in _blocks(rows):
        x = rows[:, block]
        for m in range(len(W)):
            G_m = G[:, block, m].contiguous()
            for d in range(W.shape[1]):
                w = W[m, d, block, :, None]
                weighted = x * w  # (B, J, T, C)
                dS[:, m, d] += products.outer(G_m, weighted.flatten(2))
                Z = products.apply(G_m, S_T[:, m, d]).view_as(weighted)
                dW[m, d, block] += torch.mul(Z, x, out=weighted).sum(-1, dtype=wide).sum(0)
                dX[:, block] += Z.mul_(w)
            db[m, block] += (G_m * V_sum[:, :, m]).sum((0, 2))
            dV_sum[:, m] += (G_m * bias[m, block, None]).sum(1)
    f = round(W.shape[1] ** 0.5)
    dS = dS.transpose(2, 3).reshape(B, T * C, f, f, T * C).to(X.dtype)
    dX = dX.view(X.shape)
    dX += products.scatter(V.flatten(3), dS).reshape(X.shape)
    dV = products.gather(X.flatten(3), dS).add_(dV_sum.view(B, T * C, 1, 1))
    return dX, dV.view(B, T, C, *dV.shape[2:])


def _correlation(X: Tensor, V: Tensor, W: Tensor) -> Tensor:
    """S for every set of mixing weights and offset: (B, M, f^2, T/M * C, T * C)."""
    M, window = W.shape[:2]
    S = _products(X).correlate(V.flatten(3), X.flatten(3), round(window**0.5)).to(X.dtype)
    N = S.shape[1]
    return S.reshape(len(X), M, N // M, window, N).transpose(2, 3).contiguous()


def _products(X: Tensor) -> ModuleType:
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    # oneDNN has no float64, and convolutions are written for one image
    fast = onednn and X.dtype != torch.float64 and len(X) == 1
    return convolutions if X.device.type == "cpu" and fast else matmuls


def _portions(features: Tensor) -> Iterator[slice]:
    """The images of a batch that are worked on together: all, or on a CPU each by itself."""
    B = len(features)
    step = 1 if features.device.type == "cpu" and B else max(1, B)
    return (slice(n, n + step) for n in range(0, max(1, B), step))


def _blocks(rows: Tensor) -> Iterator[slice]:
    """Blocks of pixels of rows (B, P, T, C)."""
    B, P, T, C = rows.shape
    numbers = _BLOCK_NUMBERS.get(rows.device.type, _BLOCK_NUMBERS_ELSEWHERE)
    count = -(-max(1, B) * P * T * C // numbers)
    step = -(-P // count)  # of one size: oneDNN leaves a small last one to slower code
    return (slice(j, min(P, j + step)) for j in range(0, P, step))
