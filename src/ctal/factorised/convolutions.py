"""The five products of the factorised form as convolutions, for CPUs.

What a convolution and its gradients compute are matrix products, and those of oneDNN, made for the
very processor it runs on, are up to twice as fast on the CPUs measured as those of the BLAS library
behind `@` (docs/performance.md). Shapes are those of `matmuls`, B = 1; rows of pixels are an image
of memory format channels_last, so nothing is copied.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of a band in `correlate`: its V and X stay in the cache (12 MiB at 3 tasks x 128 channels),
# and S, which every band adds to, is small beside them.
_BAND_PIXELS = 4096


def correlate(V: Tensor, X: Tensor, f: int) -> Tensor:
    """S_d = sum_q V[q] X[q + d]^T: (1, H, W, N), (1, H, W, K) to (1, N, f, f, K).

    The gradient that a convolution X -> V would have for its weight. Bands are added in float32.
    """
    _, H, W, N = V.shape
    r, K = f // 2, X.shape[-1]
    S = V.new_zeros(N, f, f, K, dtype=torch.float32)
    band = max(1, _BAND_PIXELS // W)
    for top in range(0, H, band):
        bottom = min(H, top + band)
        first, last = max(0, top - r), min(H, bottom + r)
        # the rows above and below that the window reaches, zero beyond the image
        x = F.pad(X[:, first:last], (0, 0, 0, 0, first - top + r, bottom + r - last))
        S += _weight_gradient(x, V[:, top:bottom], f, padding=[0, r])
    return S[None]


def gather(X: Tensor, S: Tensor) -> Tensor:
    """sum_d S_d X[q + d] for every q: (1, H, W, K), (1, N, f, f, K) to (1, N, H, W)."""
    return F.conv2d(_planes(X), _planes(S[0]), padding=S.shape[2] // 2)


def scatter(V: Tensor, S: Tensor) -> Tensor:
    """sum_d S_d^T V[p - d] for every p: (1, H, W, N), (1, N, f, f, K) to (1, H, W, K)."""
    x = F.conv_transpose2d(_planes(V), _planes(S[0]), padding=S.shape[2] // 2)
    return _rows(x)


def apply(rows: Tensor, S: Tensor) -> Tensor:
    """S rows[j] for every j: (1, J, K), (1, N, K) to (1, J, N)."""
    return _rows(F.conv2d(_picture(rows[None]), S[0, :, :, None, None]))[0]


def outer(G: Tensor, rows: Tensor) -> Tensor:
    """sum_j G[j] rows[j]^T: (1, J, N), (1, J, K) to (1, N, K)."""
    return _weight_gradient(rows[None], G[None], 1, padding=[0, 0]).flatten(1)[None]


def _weight_gradient(X: Tensor, G: Tensor, f: int, *, padding: list[int]) -> Tensor:
    """(N, f, f, K), of a convolution from rows X (1, H, W, K) to rows with the gradient G."""
    # not torch.nn.grad.conv2d_weight, which copies a weight of the full size that nothing reads
    weight = X.new_empty(G.shape[-1], f, f, X.shape[-1]).permute(0, 3, 1, 2)
    _, gradient, _ = torch.ops.aten.convolution_backward(
        grad_output=_picture(G),
        input=_picture(X),
        weight=weight,
        bias_sizes=None,
        stride=[1, 1],
        padding=padding,
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=1,
        output_mask=[False, True, False],
    )
    rows: Tensor = gradient.permute(0, 2, 3, 1)
    return rows


def _planes(rows: Tensor) -> Tensor:
    """An image of channel after channel, for sums over f^2 K numbers with less rounding.

    oneDNN then adds up 16 channels at a time, and else all of them one after the other: its error
    is four times smaller, its time a sixth longer, the copies included.
    """
    return _picture(rows).contiguous()


def _picture(rows: Tensor) -> Tensor:
    return rows.permute(0, 3, 1, 2)


def _rows(picture: Tensor) -> Tensor:
    return picture.permute(0, 2, 3, 1)
