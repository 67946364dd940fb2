"""Elementwise part of the gradients of the mixing in bfloat16, in one pass over memory.

The loops are compiled by numba. Import this module late, since it imports numba.

A bfloat16 number has the upper 16 bits of a float32; numba has no such type.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ctal.compiled import FAST, compiled

Bits = NDArray[np.int16]
Floats = NDArray[np.float32]

_SIGNATURE = (
    "void(int16[:,:,:,::1], int16[:,:,::1], float32[:,:,:], float32[:,:,::1], float32[:,:,:])"
)


@functools.cache
def mixing_program() -> Callable[..., None]:
    """Compile `_gradients`, or load it from the cache on disk."""
    return compiled(_SIGNATURE, _gradients, fastmath=FAST)


def _gradients(Z: Bits, x: Bits, W: Floats, dX: Floats, dW: Floats) -> None:
    """Add sum_d W_d Z_d to dX and Z_d . x to dW_d, then replace Z_d by W_d x.

    Args:
        Z: (J, f^2, T, C), bfloat16.
        x: (J, T, C), bfloat16.
        W: (f^2, J, T).
        dX: (J, T, C).
        dW: (f^2, J, T).
    """
    pixels, window, tasks, channels = Z.shape
    own, total = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for j in range(pixels):
        for t in range(tasks):
            for c in range(channels):
                own[c] = _to_float(x[j, t, c])
                total[c] = dX[j, t, c]
            for d in range(window):
                weight, product = W[d, j, t], np.float32(0)
                for c in range(channels):
                    z = _to_float(Z[j, d, t, c])
                    total[c] += weight * z
                    product += z * own[c]
                    Z[j, d, t, c] = _to_bits(weight * own[c])
                dW[d, j, t] += product
            for c in range(channels):
                dX[j, t, c] = total[c]


@njit(inline="always")
def _to_float(bits: np.int16) -> np.float32:
    return np.uint32(np.uint32(np.uint16(bits)) << np.uint32(16)).view(np.float32)


@njit(inline="always")
def _to_bits(number: np.float32) -> np.int16:
    """Round to the nearest bfloat16, to the even one in the middle, as torch does."""
    bits = np.uint32(np.float32(number).view(np.uint32))
    up = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return np.int16(np.uint16(np.uint32(bits + up) >> np.uint32(16)))
