"""Cross-task affinity as a pure function: the paper's dense form, and a factorised one.

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025, section 3 (figures 2 and 3).

Symbols, as in the paper: T tasks, C channels, P = H * W pixels, an f x f window. For task k,
F_k in R^{C x P} are its features and X_k the same with every pixel's column at unit length, so
that A_k = X_k^T X_k holds the cosine similarity of all pairs of pixels. j and q are pixels, d is an
offset of the window, t the task that is refined, V_t in R^{C x P} its values:

    G_t[j, q] = b_t[j] + sum_k sum_d W_t[j, k, d] A_k[j, q + d]        (A_k[j, q] = 0 off the image)
    out_t[:, j] = sum_q V_t[:, q] G_t[j, q]

The dense form computes these lines directly and stores T maps of P x P numbers per image.
As there is no softmax between them, the sums can be exchanged, exactly:

    out_t[:, j] = sum_{k,d} W_t[j, k, d] (S_{t,k,d} X_k[:, j]) + b_t[j] sum_q V_t[:, q]
    S_{t,k,d}   = sum_q V_t[:, q] X_k[:, q + d]^T  in R^{C x C}

which needs O(P C + T^2 f^2 C^2) memory instead of O(T P^2), and work that grows with P, not P^2.
The factorised form is an operator with its own backward pass: `ctal.factorised.passes`.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.errors import InputError
from ctal.factorised import cheaper_method, factorised_affinity

Method = Literal["dense", "factorised", "auto"]


def cross_task_affinity(
    features: Tensor,
    values: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    method: Method = "auto",
) -> Tensor:
    """Refine the features of every task with the pixel affinities of all tasks.

    Args:
        features: (B, T, C, H, W), F_k before normalization.
        values: (B, T, C, H, W), V_t.
        weight: (M, P, T, f, f), the mixing weights W_t[j, k, d]; M = T, or 1 when all target tasks
            share them; f odd.
        bias: (M, P), the mixing biases b_t[j].
        method: "dense" and "factorised" give the same result up to rounding; "auto" selects the
            cheaper one. "factorised" raises an error for second derivatives.

    Returns:
        (B, T, C, H, W), out_t, before it is blended with F_t. Under autocast its dtype is that of
        autocast; norms and all sums over blocks of pixels remain float32.

    Raises:
        InputError: a shape does not fit the others, f is even, or `method` is invalid.

    Example:
        >>> features = torch.randn(2, 3, 16, 6, 8)
        >>> weight, bias = torch.randn(3, 48, 3, 3, 3), torch.zeros(3, 48)
        >>> cross_task_affinity(features, features, weight, bias).shape
        torch.Size([2, 3, 16, 6, 8])
    """
    _check_shapes(features, values, weight, bias)
    if method == "auto":
        method = cheaper_method(features.shape, weight.shape[-1], features.device.type)
    if method == "dense":
        return _dense(features, values, weight, bias)
    if method == "factorised":
        return factorised_affinity(features, _as_in_autocast(values), weight, bias)
    raise InputError(f'method: expected "dense", "factorised" or "auto", got {method!r}')


def _dense(features: Tensor, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute the equations of the paper line by line."""
    B, T, C, H, W = features.shape
    P, f = H * W, weight.shape[-1]
    X = F.normalize(features.flatten(3), dim=2)  # TFLite has no powers of five dimensions
    A = X.mT @ X  # (B, T, P, P); row j of A_k is the affinity map of pixel j in task k
    # interleave the tasks: channel j*T + k is row j of A_k, so that group j holds all on pixel j
    maps = A.transpose(1, 2).reshape(B, P * T, H, W)
    G = [F.conv2d(maps, w, b, padding=f // 2, groups=P) for w, b in zip(weight, bias, strict=True)]
    out = [
        values[:, t].flatten(2) @ G[t % len(G)].flatten(2).mT  # (B, C, q) x (B, q, j)
        for t in range(T)
    ]
    return torch.stack(out, dim=1).reshape(B, T, C, H, W)


def _as_in_autocast(maps: Tensor) -> Tensor:
    """Cast maps to the dtype of autocast, which only handles torch's own operators."""
    device = maps.device.type
    return maps.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else maps


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
