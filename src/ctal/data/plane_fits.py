"""Planes fitted to the inverse depth in the window of every pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Slopes = tuple[Tensor, Tensor, Tensor]
"""Per pixel: change of inverse depth per column and per row, and its value at the pixel."""

_UNKNOWN = 1e30  # inverse depth of unknown pixels, which is far from every plane
_BLOCK = 16384  # pixels whose planes are solved at once
_TILE = 8192  # pixels whose windows are compared at once, so that they stay in a core's caches


class Planes(NamedTuple):
    """Planes in inverse depth, and the share of inliers in each window, all (H, W) float32.

    The share is 0 for collinear pixels, which do not determine a plane.
    """

    slopes: Slopes
    share: Tensor


@torch.inference_mode()
def fit_planes(inverse: Tensor, offsets: Sequence[int], jump: float, flatness: float) -> Planes:
    """Fit a plane to the window of every pixel, twice, each time to the pixels near a guess.

    The first guess is the inverse depth of the center, and the second one is the first plane.

    Args:
        inverse: (H, W) float32, inverse depth; 0 where unknown.
        offsets: columns, and rows, of the pixels of a window relative to its center.
        jump: maximum distance of an inlier from the first guess, relative to the center.
        flatness: maximum distance of an inlier from the second guess, likewise.
    """
    H, W = inverse.shape
    reach = max(offsets)
    padded = torch.full((H + 2 * reach, W + 2 * reach), _UNKNOWN)
    padded[reach : reach + H, reach : reach + W] = inverse.masked_fill(inverse == 0, _UNKNOWN)
    tile = max(1, _TILE // W)  # rows
    block = max(1, _BLOCK // (tile * W)) * tile
    windows = _Windows(offsets, tile * W)
    found = torch.empty(4, H, W)
    for top in range(0, H, block):
        center = inverse[top : top + block]
        rows = padded[top : top + len(center) + 2 * reach]
        columns = torch.stack([rows[:, reach + du :][:, :W] for du in offsets])
        sums = windows.sums(columns, center, jump * center, None, tile)
        (a, b, c), _ = _solve(sums)
        first = (a, b, c.add_(center))
        sums = windows.sums(columns, center, flatness * center, first, tile)
        change, determined = _solve(sums)
        part = found[:, top : top + block]
        for plane, guess, new in zip(part, first, change, strict=False):
            torch.add(guess, new, out=plane)
        torch.mul(sums[0] / len(offsets) ** 2, determined, out=part[3])
    a, b, c, share = found
    return Planes((a, b, c), share)


class _Windows:
    """Sums over the inliers of windows.

    Args:
        offsets: columns, and rows, of the pixels of a window relative to its center.
        most: number of windows at once.
    """

    def __init__(self, offsets: Sequence[int], most: int) -> None:
        self.offsets = offsets
        count = len(offsets)
        self.steps = torch.tensor(offsets, dtype=torch.float32)
        u, v = self.steps.repeat(count), self.steps.repeat_interleave(count)
        self.powers = torch.stack([torch.ones(count**2), u, v, u * u, u * v, v * v])
        self.residuals, self.used = torch.empty(2, count**2 * most)

    def sums(
        self, columns: Tensor, center: Tensor, tolerance: Tensor, guess: Slopes | None, tile: int
    ) -> Tensor:
        """Return the sums of 1, u, v, uu, uv, vv, w, uw, vw over the inliers of every window.

        w is the distance from the guess; u and v are columns and rows from the center.

        Args:
            columns: (columns of a window, H + 2 * reach, W), the image moved by each.
            center: (H, W) inverse depth.
            tolerance: (H, W) maximum distance of an inlier.
            guess: planes; None: the inverse depth of the center everywhere.
            tile: number of rows at once.

        Returns:
            (9, H, W).
        """
        found = torch.empty(9, *center.shape)
        reach = max(self.offsets)
        for top in range(0, len(center), tile):
            rows = slice(top, top + tile)
            seen = columns[:, rows.start : rows.stop + 2 * reach]
            some = None if guess is None else (guess[0][rows], guess[1][rows], guess[2][rows])
            found[:, rows] = self._of_tile(seen, center[rows], tolerance[rows], some)
        return found

    def _of_tile(
        self, columns: Tensor, center: Tensor, tolerance: Tensor, guess: Slopes | None
    ) -> Tensor:
        count, (H, W) = len(self.offsets), center.shape
        size = count**2 * center.numel()
        residuals = self.residuals[:size].view(count, count, H, W)
        used = self.used[:size].view(count, count, H, W)
        at = None if guess is None else (guess[0] * self.steps[:, None, None]).add_(guess[2])
        for index, dv in enumerate(self.offsets):
            seen = columns[:, max(self.offsets) + dv :][:, :H]
            if guess is None or at is None:
                torch.sub(seen, center, out=residuals[index])
            else:
                expected = torch.add(at, guess[1] * dv, out=used[index])
                torch.sub(seen, expected, out=residuals[index])
        torch.abs(residuals, out=used)
        used.le_(tolerance)  # 1 or 0, as float32
        residuals.mul_(used)
        counts = self.powers @ used.view(count**2, -1)
        # summed by columns, then rows, as in the direct formula: the inliers of the second planes
        # depend on the last bits of the first ones
        w = residuals.sum(1)
        uw = residuals.mul_(self.steps[:, None, None]).sum(1).sum(0)
        vw = (w * self.steps[:, None, None]).sum(0)
        return torch.cat([counts.view(6, H, W), torch.stack([w.sum(0), uw, vw])])


def _solve(sums: Tensor) -> tuple[Slopes, Tensor]:
    """Solve the least squares of w = a u + b v + c from sums of 1, u, v, uu, uv, vv, w, uw, vw.

    Returns:
        a, b and c, and whether they are determined; otherwise a = b = 0.
    """
    n, u, v, uu, uv, vv, w, uw, vw = sums
    n_or_1 = n.clamp(min=1)
    uu, uv, vv = uu - u * u / n_or_1, uv - u * v / n_or_1, vv - v * v / n_or_1
    uw, vw = uw - u * w / n_or_1, vw - v * w / n_or_1
    determinant = uu * vv - uv * uv
    determined = determinant > 0.05 * uu * vv
    divisor = torch.where(determined, determinant, math.inf)
    a, b = (vv * uw - uv * vw) / divisor, (uu * vw - uv * uw) / divisor
    return (a, b, (w - a * u - b * v) / n_or_1), determined
