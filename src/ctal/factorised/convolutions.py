"""Five products of the factorised form as convolutions, for CPUs.

A convolution and its gradients compute matrix products. Those of oneDNN, which compiles code for
the processor it runs on, are up to twice as fast on the measured CPUs as those of the BLAS library
behind `@` (docs/performance.md). Shapes are as in `matmuls` with B = 1. Rows of pixels are an image
in the memory format channels_last, so no copy is needed.

`minimal_filtering` has the same products for large images and the usual window, 3x3 in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels per band in `correlate`. V and X of a band fit in the cache (12 MiB at 3 tasks x 128
# channels), and S, which every band is added to, is small in comparison.
_BAND_PIXELS = 4096


def correlate(V: Tensor, X: Tensor, f: int) -> Tensor:
    """Compute S_d = sum_q V[q] X[q + d]^T: (1, N, H, W), (1, H, W, K) to (1, f^2, N, K).

    This is the weight gradient of a convolution X -> V. Bands are added in float32.
    """
    _, N, H, W = V.shape
    r, K = f // 2, X.shape[-1]
    S = V.new_zeros(N, f, f, K, dtype=torch.float32)
    band = max(1, _BAND_PIXELS // W)
    for top in range(0, H, band):
        bottom = min(H, top + band)
        first, last = max(0, top - r), min(H, bottom + r)
        # including the rows above and below within the window, zero outside the image
        x = F.pad(X[:, first:last], (0, 0, 0, 0, first - top + r, bottom + r - last))
        v = _rows(V[:, :, top:bottom]).contiguous()
        S += weight_gradient(x, v, f, padding=[0, r])
    return S.permute(1, 2, 0, 3).reshape(1, f * f, N, K)


def gather(X: Tensor, S: Tensor) -> Tensor:
    """Compute sum_d S_d X[q + d] for every q: (1, H, W, K), (1, f^2, N, K) to (1, N, H, W)."""
    weight = _window(S)
    return F.conv2d(_planes(_image(X)), weight, padding=weight.shape[-1] // 2)


def scatter(V: Tensor, S: Tensor, total: Tensor) -> None:
    """Add sum_d S_d^T V[p - d] for every p to total: (1, N, H, W), (1, f^2, N, K), (1, H, W, K)."""
    weight = _window(S)
    total += _rows(F.conv_transpose2d(_planes(V), weight, padding=weight.shape[-1] // 2))


def apply(rows: Tensor, S: Tensor) -> Tensor:
    """Compute S rows[j] for every j: (1, J, K), (1, N, K) to (1, J, N)."""
    image, weight = rows.mT.unsqueeze(2), S.view(*S.shape[1:], 1, 1)
    return F.conv2d(image, weight).squeeze(2).mT


def outer(G: Tensor, rows: Tensor) -> Tensor:
    """Compute sum_j G[j] rows[j]^T: (1, J, N), (1, J, K) to (1, N, K)."""
    return weight_gradient(rows[None], G[None], 1, padding=[0, 0]).flatten(1)[None]


def weight_gradient(
    X: Tensor, G: Tensor, f: int, *, padding: list[int], dilation: Sequence[int] = (1, 1)
) -> Tensor:
    """Return the weight gradient (N, f, f, K) of a convolution of rows X (B, H, W, K).

    G is the gradient of its result, as rows too.
    """
    # not torch.nn.grad.conv2d_weight, which copies an unused weight of the full size
    weight = X.new_empty(G.shape[-1], f, f, X.shape[-1]).permute(0, 3, 1, 2)
    _, gradient, _ = torch.ops.aten.convolution_backward(
        grad_output=_image(G),
        input=_image(X),
        weight=weight,
        bias_sizes=None,
        stride=[1, 1],
        padding=padding,
        dilation=dilation,
        transposed=False,
        output_padding=[0, 0],
        groups=1,
        output_mask=[False, True, False],
    )
    rows: Tensor = gradient.permute(0, 2, 3, 1)
    return rows


def _window(S: Tensor) -> Tensor:
    """Convert matrices (1, f^2, N, K) to the weight (N, K, f, f) of a convolution."""
    f = round(S.shape[1] ** 0.5)
    return torch.unflatten(S[0].permute(1, 2, 0), 2, (f, f)).contiguous()


def _planes(image: Tensor) -> Tensor:
    """Make a float32 image contiguous, so that sums over f^2 K numbers have less rounding.

    In this memory format oneDNN adds 16 channels at a time, otherwise one after the other. The
    error is four times smaller and the time, including copies, a sixth longer. In bfloat16,
    rounding the result weighs more.
    """
    return image.contiguous() if image.dtype == torch.float32 else image


def _image(rows: Tensor) -> Tensor:
    return rows.permute(0, 3, 1, 2)


def _rows(image: Tensor) -> Tensor:
    return image.permute(0, 2, 3, 1)
