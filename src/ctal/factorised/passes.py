"""Forward and backward pass of the factorised form; no tensor has size P x P.

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

The weighted copies W X and all Z are f^2 times as large as X. They are therefore computed for one
block of pixels and one offset d at a time, and again in the backward pass. The inputs are saved for
the backward pass, and S if it is smaller: it has T^2 f^2 C^2 numbers for any image size.

Images are rows of pixels (B, H, W, T, C). In bfloat16 and float16, products have that type, and
sums over blocks, bands or pixels are float32: 8 bits would lose the last of some thousand terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch
from torch import Tensor

from ctal.factorised import convolutions, matmuls, minimal_filtering, mixing
from ctal.factorised.layout import (
    empty_rows,
    mixing_rows,
    sum_of_pixels,
    to_maps,
    to_rows,
    unit_rows,
    wide_dtype,
)

Gradients = tuple[Tensor, Tensor, Tensor, Tensor]

# Numbers in the weighted copy of one block of pixels. On a CPU it has to fit in the cache (4 MiB in
# float32); a GPU needs larger blocks, and has the memory for them.
_BLOCK_NUMBERS = {"cpu": 1 << 20}
_BLOCK_NUMBERS_ELSEWHERE = 1 << 25

# Numbers in the X of a large image. Minimal filtering of smaller ones saves no time: measured at
# 24x32 pixels with 3 x 128 channels, and at 36x48 with 3 x 64.
_LARGE = 1 << 19


def forward(
    features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Run the forward pass.

    Args:
        features: as in `cross_task_affinity`.
        values: as in `cross_task_affinity`; products are computed in its dtype.
        weight: as in `cross_task_affinity`.
        bias: as in `cross_task_affinity`.

    Returns:
        The result (B, T, C, H, W), and S (B, M, f^2, T/M * C, T * C) for `backward`, with B = 0 if
        it is too large to be saved.
    """
    W = mixing_rows(weight, values.dtype)
    kept, out = values.new_empty(kept_shape(features, weight)), empty_rows(values)
    for n in _portions(features):
        X, _ = unit_rows(features[n], values.dtype)
        V = to_maps(to_rows(values[n]))
        S, V_sum = _correlation(X, V, W), sum_of_pixels(V, len(W))
        del V
        _forward(X, S, V_sum, W, bias, out[n])
        if len(kept):
            kept[n] = S
    return to_maps(out), kept


def backward(
    g: Tensor, S: Tensor, features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> Gradients:
    """Return the gradients of features, values, weight and bias for the gradient of the result."""
    W = mixing_rows(weight, values.dtype)
    dF, dV = empty_rows(features), to_maps(empty_rows(values))
    dW = torch.zeros_like(W, dtype=wide_dtype(W.dtype))
    db = torch.zeros_like(bias, dtype=dW.dtype)
    for n in _portions(features):
        X, norm = unit_rows(features[n], values.dtype)
        own_S = S[n] if len(S) else _correlation(X, values[n], W)
        dX, dV_part = _backward(g[n], X, values[n], own_S, W, bias, dW, db)
        dF[n], dV[n] = _of_features(dX, X, norm), dV_part
    dW = dW.permute(0, 2, 3, 1).to(weight.dtype).contiguous().view(weight.shape)
    return to_maps(dF), dV, dW, db.to(bias.dtype)


def kept_shape(features: Tensor, weight: Tensor) -> tuple[int, ...]:
    """Return the shape of the S that is saved for the backward pass."""
    B, T, C, H, W = features.shape
    M, f = len(weight), weight.shape[-1]
    worth_keeping = T * C * f**2 <= H * W  # at most as large as one of the inputs
    return B if worth_keeping else 0, M, f**2, T // M * C, T * C


def _forward(X: Tensor, S: Tensor, V_sum: Tensor, W: Tensor, bias: Tensor, out: Tensor) -> None:
    """Write the result as rows, for X and out (B, H, W, T, C), W (M, f^2, P, T) and b (M, P)."""
    products, rows = _products(X, W.shape[1]), X.flatten(1, 2)
    out = out.view(*rows.shape[:2], *V_sum.shape[2:])  # (B, P, M, T/M * C)
    for block in _blocks(rows):
        x = rows[:, block]
        weighted = torch.empty_like(x)  # (B, J, T, C)
        for m in range(len(W)):
            mixed = bias[m, block, None] * V_sum[:, :, m]
            for d in range(W.shape[1]):
                torch.mul(x, W[m, d, block, :, None], out=weighted)
                mixed += products.apply(weighted.flatten(2), S[:, m, d])
            out[:, block, m] = mixed


def _backward(
    g: Tensor, X: Tensor, V: Tensor, S: Tensor, W: Tensor, bias: Tensor, dW: Tensor, db: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients dX, as rows, and dV, for maps g, V (B, T, C, H, W) and X as rows.

    The gradients of the mixing are added to dW (M, f^2, P, T) and db (M, P).
    """
    rows, V_sum, wide = X.flatten(1, 2), sum_of_pixels(V, len(W)), wide_dtype(X.dtype)
    G = to_rows(g).view(*rows.shape[:2], len(W), S.shape[3])
    dX, dS = torch.zeros_like(rows, dtype=wide), torch.zeros_like(S, dtype=wide)
    products, dV_sum = _products(X, W.shape[1]), torch.zeros_like(V_sum[:, 0])
    for m in range(len(W)):
        S_T = S[:, m].mT.contiguous()
        for block in _blocks(rows):
            G_m, x = G[:, block, m].contiguous(), rows[:, block]
            dS_m, dX_block, dW_block = dS[:, m], dX[:, block], dW[m, :, block]
            mixing.add_gradients(products, G_m, x, S_T, W[m, :, block], dS_m, dX_block, dW_block)
            G_m = G_m.to(wide)  # torch takes several times as long for a product of two dtypes
            db[m, block] += (G_m * V_sum[:, :, m]).sum((0, 2))
            dV_sum[:, m] += (G_m * bias[m, block, None].to(wide)).sum(1)
    del G  # of full size, and not needed for the products over the window
    dX, dS = dX.view(X.shape), dS.transpose(1, 2).flatten(2, 3).to(X.dtype)
    products.scatter(V.flatten(1, 2), dS, dX.flatten(3))
    dV_sum = dV_sum.view(len(X), dS.shape[2], 1, 1).to(X.dtype)
    dV = products.gather(X.flatten(3), dS).add_(dV_sum)
    return dX, dV.view(V.shape)


def _of_features(dX: Tensor, X: Tensor, norm: Tensor) -> Tensor:
    """Convert the gradient of X (B, H, W, T, C) to that of the features, in place."""
    gradient, rows, lengths = (x.flatten(1, 2) for x in (dX, X, norm))
    for block in _blocks(rows):
        dx, x = gradient[:, block], rows[:, block]
        along = (x * dx).sum(-1, keepdim=True)
        dx.addcmul_(x.to(dx.dtype), along, value=-1).div_(lengths[:, block])
    return dX


def _correlation(X: Tensor, V: Tensor, W: Tensor) -> Tensor:
    """Return S for every set of mixing weights and offset, (B, M, f^2, T/M * C, T * C)."""
    M, window = W.shape[:2]
    S: Tensor = _products(X, window).correlate(V.flatten(1, 2), X.flatten(3), round(window**0.5))
    return torch.unflatten(S.to(X.dtype), 2, (M, -1)).transpose(1, 2).contiguous()


def _products(X: Tensor, window: int) -> ModuleType:
    """Return the implementation of the five products for X (B, H, W, T, C) and f^2 offsets."""
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    # oneDNN does not support float64, and `convolutions` requires a batch of one image
    if not (X.device.type == "cpu" and onednn and X.dtype != torch.float64 and len(X) == 1):
        return matmuls
    large = X.numel() >= _LARGE and window == minimal_filtering.WINDOW**2
    return minimal_filtering if large and X.dtype == torch.float32 else convolutions


def _portions(features: Tensor) -> Iterator[slice]:
    """Return slices of a batch that are processed together: one image on a CPU, otherwise all."""
    B = len(features)
    step = 1 if features.device.type == "cpu" and B else max(1, B)
    return (slice(n, n + step) for n in range(0, max(1, B), step))


def _blocks(rows: Tensor) -> Iterator[slice]:
    """Return slices of the pixels of rows (B, P, T, C)."""
    B, P, T, C = rows.shape
    numbers = _BLOCK_NUMBERS.get(rows.device.type, _BLOCK_NUMBERS_ELSEWHERE)
    count = -(-max(1, B) * P * T * C // numbers)
    step = -(-P // count)  # equal sizes: oneDNN runs slower code for a small last block
    step += -step % 16  # `minimal_filtering.outer` splits a block into 16 images
    return (slice(j, min(P, j + step)) for j in range(0, P, step))
