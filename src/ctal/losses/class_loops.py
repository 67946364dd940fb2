"""Cross entropy of enlarged scores, and its gradient, row by row.

The loops are compiled by numba. Import this module late, since it imports numba.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ctal.compiled import FAST, compiled

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

_SIGNATURE = (
    "UniTuple(float64, 2)"
    "(float32[:,:,::1], int64[:,::1], float32[::1], int64[:,::1], float32[::1], float32[:,:,::1])"
)


@functools.cache
def cross_entropy_program() -> Callable[..., tuple[float, float]]:
    """Compile `_cross_entropy`, or load it from the cache on disk."""
    return compiled(_SIGNATURE, _cross_entropy, fastmath=FAST)


def _cross_entropy(
    scores: Floats,
    labels: Integers,
    weights: Floats,
    rows: Integers,
    shares: Floats,
    slopes: Floats,
) -> tuple[float, float]:
    """Return the sums of w_y * loss and of w_y over the labelled pixels of an image, y the label.

    Scores between the rows of `scores` are interpolated. A row of the image, its exponentials and
    its gradients stay in the cache of the core.

    Args:
        scores: (C, h, W), raw maps with the columns of the image.
        labels: (H, W), a class, or -1 where unlabelled.
        weights: (C,), w.
        rows: (2, H), the rows of `scores` above and below each row of the image.
        shares: (H,), the share of the lower one.
        slopes: (C, h, W), to which the gradient of `scores` is added.
    """
    channels, _, width = scores.shape
    values = np.empty((channels, width), np.float32)
    largest, sums = np.empty(width, np.float32), np.empty(width, np.float32)
    exponents = np.empty(width, np.int32)
    loss, weight = 0.0, 0.0
    for row in range(len(labels)):
        upper, lower, share = rows[0, row], rows[1, row], shares[row]
        _interpolate(scores, upper, lower, share, values, largest)
        for x in range(width):
            if labels[row, x] >= 0:
                weight += weights[labels[row, x]]
                loss += weights[labels[row, x]] * (largest[x] - values[labels[row, x], x])
        _exponentials(values, largest, sums, exponents)
        loss += _divide(sums, labels[row], weights)
        _add_slopes(values, sums, labels[row], weights, slopes, upper, lower, share)
    return loss, weight


@njit(fastmath=FAST)
def _interpolate(
    scores: Floats, upper: int, lower: int, share: np.float32, values: Floats, largest: Floats
) -> None:
    """Set a row of scores, and the largest of each pixel."""
    rest = np.float32(1) - share
    for c in range(values.shape[0]):
        for x in range(values.shape[1]):
            value = rest * scores[c, upper, x] + share * scores[c, lower, x]
            values[c, x] = value
            largest[x] = value if c == 0 else max(largest[x], value)


@njit(fastmath=FAST)
def _exponentials(
    values: Floats, largest: Floats, sums: Floats, exponents: NDArray[np.int32]
) -> None:
    """Replace scores by exp(score - largest), and sum these over classes.

    exp(v) = 2^n * 2^f with n an integer, 0 <= f < 1: n is written into the exponent's bits of a
    float32, and 2^f is a polynomial of degree 6 with a relative error of 1e-7. numba calls `expf`
    for each value, which takes several times as long.
    """
    powers = exponents.view(np.float32)
    sums[:] = 0
    for c in range(values.shape[0]):
        for x in range(values.shape[1]):
            v = max((values[c, x] - largest[x]) * np.float32(1.442695041), np.float32(-126))
            n = np.floor(v)
            exponents[x] = (np.int32(n) + np.int32(127)) << np.int32(23)
            values[c, x] = _power_of_two(v - n)
        for x in range(values.shape[1]):
            values[c, x] *= powers[x]
            sums[x] += values[c, x]


@njit(fastmath=FAST)
def _power_of_two(f: np.float32) -> Any:
    """Return 2^f for 0 <= f < 1."""
    total = np.float32(2.16138083e-4)  # a least-squares fit of the relative error
    for factor in (1.24673764e-3, 9.67553263e-3, 5.54852202e-2, 2.40229325e-1, 6.93147042e-1, 1.0):
        total = total * f + np.float32(factor)
    return total


@njit(fastmath=FAST)
def _divide(sums: Floats, labels: Integers, weights: Floats) -> float:
    """Replace the sums by w_y / sum, 0 where unlabelled; return the sum of w_y * log(sum)."""
    loss = 0.0
    for x in range(len(sums)):
        if labels[x] >= 0:
            loss += weights[labels[x]] * math.log(sums[x])
            sums[x] = weights[labels[x]] / sums[x]
        else:
            sums[x] = 0
    return loss


@njit(fastmath=FAST)
def _add_slopes(
    values: Floats,
    factors: Floats,
    labels: Integers,
    weights: Floats,
    slopes: Floats,
    upper: int,
    lower: int,
    share: np.float32,
) -> None:
    """Add w_y * (softmax - 1 at the label) of a row to both rows that it is interpolated from."""
    rest = np.float32(1) - share
    for c in range(values.shape[0]):
        for x in range(values.shape[1]):
            slope = values[c, x] * factors[x]
            slopes[c, upper, x] += rest * slope
            slopes[c, lower, x] += share * slope
    for x in range(len(labels)):
        if labels[x] >= 0:
            slopes[labels[x], upper, x] -= rest * weights[labels[x]]
            slopes[labels[x], lower, x] -= share * weights[labels[x]]
