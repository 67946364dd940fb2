"""Cross-task affinity as a pure function: the paper's dense form, and a factorised one.

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025, section 3 (figures 2 and 3).

Symbols, as in the paper: T tasks, C channels, P = H * W pixels, an f x f window. For task k,
F_k in R^{C x P} are its features and X_k the same with every pixel's column at unit length, so
that A_k = X_k^T X_k holds the cosine similarity of all pairs of pixels. j and q are pixels, d is an
offset of the window, t the task that is refined, V_t in R^{C x P} its values:

    G_t[j, q] = b_t[j] + sum_k sum_d W_t[j, k, d] A_k[j, q + d]        (A_k[j, q] = 0 off the image)
    out_t[:, j] = sum_q V_t[:, q] G_t[j, q]

The dense form computes these lines as they stand and holds T maps of P x P numbers per picture.
As there is no softmax between them, the sums can be exchanged, exactly:

    out_t[:, j] = sum_{k,d} W_t[j, k, d] (S_{t,k,d} X_k[:, j]) + b_t[j] sum_q V_t[:, q]
    S_{t,k,d}   = sum_q V_t[:, q] X_k[:, q + d]^T  in R^{C x C}

which needs O(P C + T^2 f^2 C^2) memory in place of O(T P^2), and work that grows with P, not P^2.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ctal.errors import InputError

Method = Literal["dense", "factorised", "auto"]

# Numbers in the weighted copies of one block of pixels (64 MiB in float32): large enough for the
# matrix products to run at full rate, small beside the P x P maps which are to be avoided.
_BLOCK_NUMBERS = 1 << 24


def cross_task_affinity(
    features: Tensor,
    values: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    method: Method = "auto",
) -> Tensor:
    """Refines the features of every task with the pixel affinities of all tasks.

    Args:
        features: (B, T, C, H, W), F_k before normalisation.
        values: (B, T, C, H, W), V_t.
        weight: (M, P, T, f, f), the mixing weights W_t[j, k, d]; M = T, or 1 when all target tasks
            share them; f odd.
        bias: (M, P), the mixing biases b_t[j].
        method: "dense" and "factorised" give the same result to rounding; "auto" takes the one
            with fewer multiply-adds.

    Returns:
        (B, T, C, H, W), out_t, before it is blended with F_t.

    Raises:
        InputError: a shape does not fit the others, f is even, or `method` is another word.

    Example:
        >>> features = torch.randn(2, 3, 16, 6, 8)
        >>> weight, bias = torch.randn(3, 48, 3, 3, 3), torch.zeros(3, 48)
        >>> cross_task_affinity(features, features, weight, bias).shape
        torch.Size([2, 3, 16, 6, 8])
    """
    _check_shapes(features, values, weight, bias)
    if method == "auto":
        method = cheaper_method(features.shape, weight.shape[-1])
    unit = F.normalize(features, dim=2)
    if method == "dense":
        return _dense(unit, values, weight, bias)
    if method == "factorised":
        return _factorised(unit, values, weight, bias)
    raise InputError(f'method: expected "dense", "factorised" or "auto", got {method!r}')


def multiply_adds(shape: tuple[int, ...] | torch.Size, kernel_size: int) -> dict[str, int]:
    """Multiply-adds of each form for one picture, by the shape (..., T, C, H, W) of its features.

    Example:
        >>> multiply_adds((3, 128, 72, 96), 3)
        {'dense': 40561606656, 'factorised': 18345885696}
    """
    T, C, H, W = shape[-4:]
    P, window = H * W, kernel_size**2
    return {
        "dense": T * P**2 * (2 * C + T * window),
        "factorised": 2 * T**2 * window * C**2 * P,
    }


def cheaper_method(
    shape: tuple[int, ...] | torch.Size, kernel_size: int
) -> Literal["dense", "factorised"]:
    """The form with fewer multiply-adds for features of `shape` (..., T, C, H, W)."""
    cost = multiply_adds(shape, kernel_size)
    return "dense" if cost["dense"] <= cost["factorised"] else "factorised"


def _dense(unit: Tensor, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The equations of the paper, line by line; `unit` (B, T, C, H, W) holds X."""
    B, T, C, H, W = unit.shape
    P, f = H * W, weight.shape[-1]
    X = unit.flatten(3)
    A = X.mT @ X  # (B, T, P, P); row j of A_k is the affinity map of pixel j in task k
    # interleave the tasks: channel j*T + k is row j of A_k, so that group j holds all on pixel j
    maps = A.transpose(1, 2).reshape(B, P * T, H, W)
    G = [F.conv2d(maps, w, b, padding=f // 2, groups=P) for w, b in zip(weight, bias, strict=True)]
    out = [
        values[:, t].flatten(2) @ G[t % len(G)].flatten(2).mT  # (B, C, q) x (B, q, j)
        for t in range(T)
    ]
    return torch.stack(out, dim=1).reshape(B, T, C, H, W)


def _factorised(unit: Tensor, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The exchanged sums; nothing of size P x P is made.

    V is shifted and not X: sum_q V[:, q] X[:, q+d] = sum_p V[:, p-d] X[:, p], and one shifted copy
    of V_t serves all T tasks k in a single matrix product.
    """
    B, T, C, H, W = unit.shape
    P, f = H * W, weight.shape[-1]
    X = unit.flatten(3)  # (B, T, C, P)
    X_rows = X.permute(0, 3, 1, 2).contiguous()  # (B, P, T, C)
    out = []
    for t in range(T):
        w, b = weight[t % len(weight)], bias[t % len(bias)]
        V = values[:, t]  # (B, C, H, W)
        # unfold puts V[:, q + d] in slot d; slot -d, the mirrored window, is V[:, q - d]
        V_shifted = F.unfold(V, f, padding=f // 2).reshape(B, C, f * f, P).flip(2)
        S = V_shifted.flatten(1, 2) @ X.flatten(1, 2).mT  # (B, C f^2, T C)
        S = S.reshape(B, C, f * f, T, C).permute(0, 3, 2, 4, 1).reshape(B, T * f * f * C, C)
        mixed = _apply_in_blocks(X_rows, w.reshape(P, T, f * f), S)  # (B, P, C)
        constant = V.sum((2, 3))[:, None] * b[:, None]  # (B, P, C)
        out.append((mixed + constant).mT.reshape(B, C, H, W))
    return torch.stack(out, dim=1)


def _apply_in_blocks(X_rows: Tensor, weight: Tensor, S: Tensor) -> Tensor:
    """sum_{k,d} W[j, k, d] (S_{k,d} X_k[:, j]) for all pixels j, a block of pixels at a time.

    Args:
        X_rows: (B, P, T, C).
        weight: (P, T, f^2).
        S: (B, T f^2 C, C).

    Returns:
        (B, P, C).
    """
    B, _, T, C = X_rows.shape
    block = max(1, _BLOCK_NUMBERS // (max(B, 1) * T * weight.shape[-1] * C))
    # recomputed in the backward pass, so that the weighted copies of X are never kept
    pieces = [
        checkpoint(_apply_block, x, w, S, use_reentrant=False, preserve_rng_state=False)
        if torch.is_grad_enabled()
        else _apply_block(x, w, S)
        for x, w in zip(torch.split(X_rows, block, 1), torch.split(weight, block), strict=True)
    ]
    return torch.cat(pieces, dim=1)


def _apply_block(X_rows: Tensor, weight: Tensor, S: Tensor) -> Tensor:
    """Weights f^2 copies of every X_k[:, j], then one matrix product sums over k, d and C."""
    weighted = X_rows[:, :, :, None, :] * weight[None, :, :, :, None]  # (B, J, T, f^2, C)
    return weighted.flatten(2) @ S


def _check_shapes(features: Tensor, values: Tensor, weight: Tensor, bias: Tensor) -> None:
    if features.ndim != 5 or features.shape != values.shape:
        raise InputError(
            "features and values: expected two tensors of one shape (B, T, C, H, W), "
            f"got {tuple(features.shape)} and {tuple(values.shape)}"
        )
    _, T, _, H, W = features.shape
    M, f = weight.shape[0], weight.shape[-1]
    if M not in (1, T) or tuple(weight.shape[1:]) != (H * W, T, f, f) or f % 2 == 0:
        raise InputError(
            f"weight: expected ({T} or 1, {H * W}, {T}, f, f) with f odd for features of "
            f"{T} tasks at {H}x{W}, got {tuple(weight.shape)}"
        )
    if tuple(bias.shape) != (M, H * W):
        raise InputError(f"bias: expected ({M}, {H * W}), got {tuple(bias.shape)}")
