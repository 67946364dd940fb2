"""Products of large images: over a 3x3 window, 16 matrix products for every 36.

Shapes are as in `convolutions`, and the dtype is float32.

Along an axis, two adjacent values v0, v1 and the three matrices s0, s1, s2 of a window meet four
features x0 to x3, where x1 and x2 are at the pixels of v0 and v1. Winograd's identity F(2, 3)
writes their six products as four:

    v0 (s0 x0 + s1 x1 + s2 x2) + v1 (s0 x1 + s1 x2 + s2 x3)
        =       v0 s0 (x0 - x2)  +  (v0 + v1) (s0 + s1 + s2)/2 (x1 + x2)
        +       v1 s2 (x3 - x1)  +  (v0 - v1) (s0 - s1 + s2)/2 (x2 - x1)

Each side is linear in v, in s and in x. Its derivatives by s, v and x are the three products
`correlate`, `gather` and `scatter`. The factors of its four terms are called points here, in the
order v0, v0 + v1, v0 - v1, v1. The identity is used along rows and along columns, so 2x2 values,
3x3 matrices and 4x4 features have 4x4 points each.

Points are sums and differences of a few numbers, so rounding errors are hardly larger than those of
36 products. Larger tiles would need fewer products, with two to three times the error.

Source: S. Winograd, "Arithmetic Complexity of Computations", 1980; A. Lavin and S. Gray, "Fast
Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.factorised.convolutions import weight_gradient

WINDOW = 3  # the only window size of these functions

# Pixels per band of rows, whose points have to fit in the cache.
_BAND_PIXELS = 2304

# Channels that one product adds. oneDNN adds them one after the other, so that the rounding error
# of a sum grows with its length: the channels are split into parts of about this size.
_CHANNELS = 128

# With one thread, torch computes 1x1 convolutions with its BLAS library, except dilated ones. The
# dilation of a single weight has no effect on the result.
_DILATION = [2, 2]

# Images that the pixels of `outer` are split into, a power of two. oneDNN adds the pixels of an
# image one after the other; with 16 short sums, the rounding error is a third of that of one.
_IMAGES = 16


def correlate(V: Tensor, X: Tensor, f: int = WINDOW) -> Tensor:
    """Compute S_d = sum_q V[q] X[q + d]^T: (1, N, H, W), (1, H, W, K) to (1, 9, N, K)."""
    assert f == WINDOW
    S = X.new_zeros(4, 4, V.shape[1], X.shape[-1])
    for top, bottom in _bands(X):
        v, x = _values(V, top, bottom, parts=1), _features(X, top, bottom, parts=1)
        for S_i, v_i, x_i in zip(S, _value_points(v, 1), _feature_points(x, 1), strict=True):
            each = zip(S_i, _value_points(v_i, 2), _feature_points(x_i, 2), strict=True)
            for S_ij, v_ij, x_ij in each:
                S_ij += outer(v_ij.flatten(1, 2), x_ij.flatten(1, 2))[0]
    return _matrices(_matrices(S, 0), 1).flatten(0, 1)[None]


def gather(X: Tensor, S: Tensor) -> Tensor:
    """Compute sum_d S_d X[q + d] for every q: (1, H, W, K), (1, 9, N, K) to (1, N, H, W)."""
    _, H, W, K = X.shape
    S = _matrix_points(S, _parts(K))
    out = X.new_empty(1, S.shape[3], H, W)
    for top, bottom in _bands(X):
        x, y = _features(X, top, bottom, _parts(K)), []
        for S_i, x_i in zip(S, _feature_points(x, 1), strict=True):
            y.append(_value_pairs(map(_product, _feature_points(x_i, 2), S_i), 1))
        out[0, :, top:bottom] = _value_pairs(y, 0)[: bottom - top, :W].permute(2, 0, 1)
    return out


def scatter(V: Tensor, S: Tensor, total: Tensor) -> None:
    """Add sum_d S_d^T V[p - d] for every p to total: (1, N, H, W), (1, 9, N, K), (1, H, W, K)."""
    (_, H, W, _), N = total.shape, V.shape[1]
    S = _matrix_points(S.mT, _parts(N))
    for top, bottom in _bands(total):
        v, y = _values(V, top, bottom, _parts(N)), []
        for S_i, v_i in zip(S, _value_points(v, 1), strict=True):
            y.append(_feature_pairs(map(_product, _value_points(v_i, 2), S_i), 1))
        first, last = max(0, top - 1), min(H, bottom + 1)
        inside = slice(first - top + 1, last - top + 1)
        total[0, first:last] += _feature_pairs(y, 0)[inside, 1 : W + 1]


def apply(rows: Tensor, S: Tensor) -> Tensor:
    """Compute S rows[j] for every j: (1, J, K), (1, N, K) to (1, J, N)."""
    image, weight = rows.mT.unsqueeze(2), S.view(*S.shape[1:], 1, 1)
    return F.conv2d(image, weight, dilation=_DILATION).squeeze(2).mT


def outer(G: Tensor, rows: Tensor) -> Tensor:
    """Compute sum_j G[j] rows[j]^T: (1, J, N), (1, J, K) to (1, N, K)."""
    n = math.gcd(_IMAGES, rows.shape[1])
    g, x = (torch.unflatten(x[0], 0, (n, 1, -1)) for x in (G, rows))
    return weight_gradient(x, g, 1, padding=[0, 0], dilation=_DILATION).flatten(1)[None]


def _bands(rows: Tensor) -> Iterator[tuple[int, int]]:
    """Yield the first row, and the row after the last one, of bands of similar, even height."""
    _, H, W, _ = rows.shape
    count = max(1, round(H * W / _BAND_PIXELS))
    height = 2 * -(-H // (2 * count))
    return ((top, min(H, top + height)) for top in range(0, H, height))


def _parts(channels: int) -> int:
    """Return the number of equal parts to split the channels of a product into."""
    return next(n for n in range(max(1, round(channels / _CHANNELS)), 0, -1) if channels % n == 0)


def _values(V: Tensor, top: int, bottom: int, parts: int) -> Tensor:
    """Return a band of values (1, N, H, W) with an even height and width, (parts, h, w, n)."""
    band = torch.unflatten(V[0, :, top:bottom], 0, (parts, -1)).permute(0, 2, 3, 1)
    _, h, w, n = band.shape
    v = V.new_zeros(parts, h + h % 2, w + w % 2, n)
    v[:, :h, :w] = band
    return v


def _features(X: Tensor, top: int, bottom: int, parts: int) -> Tensor:
    """Return the features (1, H, W, K) of a band and around it, (parts, h + 2, w + 2, k).

    They are zero outside the image, and in the row and column that make h and w even.
    """
    _, H, W, K = X.shape
    h = bottom - top
    first, last = max(0, top - 1), min(H, bottom + 1)
    x = X.new_zeros(parts, h + h % 2 + 2, W + W % 2 + 2, K // parts)
    band = torch.unflatten(X[0, first:last], 2, (parts, -1)).permute(2, 0, 1, 3)
    x[:, first - top + 1 : last - top + 1, 1 : W + 1] = band
    return x


def _value_points(v: Tensor, dim: int) -> Iterator[Tensor]:
    """Yield the four points of all pairs of values along a dimension."""
    v0, v1 = torch.unflatten(v, dim, (-1, 2)).unbind(dim + 1)
    yield v0
    yield v0 + v1
    yield v0 - v1
    yield v1


def _feature_points(x: Tensor, dim: int) -> Iterator[Tensor]:
    """Yield the four points of the features of all pairs of values along a dimension."""
    x0, x1, x2, x3 = _fours(torch.unflatten(x, dim, (-1, 2)), dim)
    yield x0 - x2
    yield x1 + x2
    yield x2 - x1
    yield x3 - x1


def _fours(pairs: Tensor, dim: int) -> tuple[Tensor, ...]:
    """Return views of x0 to x3 in pairs of features (..., n + 1, 2, ...), each (..., n, ...)."""
    n = pairs.shape[dim] - 1
    return (*pairs.narrow(dim, 0, n).unbind(dim + 1), *pairs.narrow(dim, 1, n).unbind(dim + 1))


def _matrix_points(S: Tensor, parts: int) -> Tensor:
    """Return the points (4, 4, parts, N, k) of matrices (1, 9, N, K)."""
    points = S[0].reshape(WINDOW, WINDOW, S.shape[2], parts, -1).movedim(3, 2)
    for dim in range(2):
        s0, s1, s2 = points.unbind(dim)
        half = (s0 + s2).div_(2)
        points = torch.stack([s0, half.add(s1, alpha=0.5), half.sub_(s1, alpha=0.5), s2], dim)
    return points


def _value_pairs(points: Iterable[Tensor], dim: int) -> Tensor:
    """Return the derivative by v of a sum over points: the transpose of `_value_points`."""
    y0, y1, y2, y3 = points
    pairs = y0.new_empty(*y0.shape[: dim + 1], 2, *y0.shape[dim + 1 :])
    v0, v1 = pairs.unbind(dim + 1)
    torch.add(y0, y1, out=v0).add_(y2)
    torch.sub(y1, y2, out=v1).add_(y3)
    return pairs.flatten(dim, dim + 1)


def _feature_pairs(points: Iterable[Tensor], dim: int) -> Tensor:
    """Return the derivative by x of a sum over points: the transpose of `_feature_points`."""
    y0, y1, y2, y3 = points
    n = y0.shape[dim]
    pairs = y0.new_empty(*y0.shape[:dim], n + 1, 2, *y0.shape[dim + 1 :])
    pairs.narrow(dim, n, 1).zero_()
    x0, x1, x2, x3 = _fours(pairs, dim)
    x0.copy_(y0)
    torch.sub(y1, y2, out=x1).sub_(y3)
    x2.add_(y1.add_(y2).sub_(y0))
    x3.add_(y3)
    return pairs.flatten(dim, dim + 1)


def _matrices(points: Tensor, dim: int) -> Tensor:
    """Return the derivative by s of a sum over points: the transpose of `_matrix_points`."""
    y0, y1, y2, y3 = points.unbind(dim)
    half_sum, half_difference = (y1 + y2).div_(2), (y1 - y2).div_(2)
    return torch.stack([y0 + half_sum, half_difference, half_sum.add_(y3)], dim)


def _product(rows: Tensor, matrices: Tensor) -> Tensor:
    """Multiply images (parts, h, w, k) by matrices (parts, N, k), and add the parts."""
    _, h, w, _ = rows.shape
    total, *others = (
        apply(x[None], matrix[None])[0]
        for x, matrix in zip(rows.flatten(1, 2), matrices, strict=True)
    )
    for product in others:
        total += product
    return torch.unflatten(total, 0, (h, w))
