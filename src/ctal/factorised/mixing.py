"""Gradients of the mixing, for one block of pixels and one set of mixing weights.

Shapes: G (B, J, N), x (B, J, T, C), S^T (B, f^2, K, N) with K = T * C and W (f^2, J, T); gradients
dS (B, f^2, N, K), dX (B, J, T, C) and dW (f^2, J, T). `passes` has the equations.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import torch
from torch import Tensor

from ctal.factorised import convolutions

# Numbers in the Z of all offsets of the pixels that one thread computes. They have to fit in the
# cache of a core (1.5 MiB in bfloat16).
_NUMBERS = 3 << 18

# Numbers of a pixel in the Z of all offsets, above which single offsets are faster: few pixels fit
# in the cache then, and dS is added to for each of these blocks.
_MOST = 1 << 13


def add_gradients(
    products: ModuleType,
    G: Tensor,
    x: Tensor,
    S_T: Tensor,
    W: Tensor,
    dS: Tensor,
    dX: Tensor,
    dW: Tensor,
) -> None:
    """Add the gradients of a block to dS, dX and dW."""
    numbers = len(W) * x.shape[2] * x.shape[3]
    if products is convolutions and x.dtype == torch.bfloat16 and numbers <= _MOST:
        _all_offsets(G[0], x[0], S_T, W, dS[0], dX[0], dW)
        return
    weighted = torch.empty_like(x)
    for d in range(len(W)):
        w = W[d, :, :, None]
        torch.mul(x, w, out=weighted)
        dS[:, d] += products.outer(G, weighted.flatten(2))
        Z = products.apply(G, S_T[:, d]).view_as(x)
        if Z.dtype == dX.dtype:
            dX.addcmul_(Z, w)
        else:
            dX += torch.mul(Z, w, out=weighted)
        dW[d] += Z.mul_(x).sum((0, 3), dtype=dW.dtype)


def _all_offsets(
    G: Tensor, x: Tensor, S_T: Tensor, W: Tensor, dS: Tensor, dX: Tensor, dW: Tensor
) -> None:
    """Compute products of all offsets at once, and the rest in one pass over memory.

    The tensors are those of one image, except S^T. Torch would need seven passes, and the products
    of single offsets, with few rows or columns, take up to twice as long.
    """
    from ctal.factorised.mixing_loops import mixing_program  # late: it imports numba

    window, T, C = len(W), *x.shape[1:]
    threads, program = torch.get_num_threads(), mixing_program()
    step = max(16, _NUMBERS // (window * T * C) // 16 * 16)
    total = dS.new_zeros(dS.shape[1], window * T * C)
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(x), step * threads):
            pixels = slice(first, first + step * threads)
            g = G[pixels]
            Z = convolutions.apply(g[None], S_T.flatten(1, 2))[0].contiguous()
            parts = zip(
                *(_bits(part).chunk(threads) for part in (Z.view(len(g), window, T, C), x[pixels])),
                W[:, pixels].float().chunk(threads, dim=1),
                dX[pixels].chunk(threads),
                dW[:, pixels].chunk(threads, dim=1),
                strict=True,
            )
            arrays = [[part.numpy() for part in one] for one in parts]
            if len(arrays) == 1:
                program(*arrays[0])
            else:
                list(pool.map(lambda one: program(*one), arrays))
            total += g.mT @ Z  # Z is the weighted copy of x now
    dS += torch.unflatten(total, 1, (window, T * C)).transpose(0, 1)


def _bits(x: Tensor) -> Tensor:
    """View bfloat16 as integers, since numpy does not have this type."""
    return x.view(torch.int16)
