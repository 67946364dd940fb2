"""Normals of planes fitted to the inverse depth in the window of every pixel.

The loops are compiled by numba. Import this module late, since it imports numba.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ctal.compiled import compiled
from ctal.data.camera import Camera, Floats

_LEAST_SHARE = 0.25  # minimum share of inliers in a window: at a corner, a quarter is on the plane

_SIGNATURE = "float32[:,:,::1](float32[:,::1], int64[::1], float32[::1], float64[::1])"


def plane_normals(
    inverse: Floats, offsets: Sequence[int], tolerances: Sequence[float], camera: Camera
) -> Floats:
    """Fit planes to the window of every pixel, each to the pixels near the one before.

    The first planes are fitted to the pixels near the inverse depth of the center.

    Args:
        inverse: (H, W), inverse depth; NaN where unknown.
        offsets: Columns, and rows, of the pixels of a window relative to its center, in order.
        tolerances: Maximum distance of an inlier for each fit, relative to the center.
        camera: The camera for this size.

    Returns:
        (H, W, 3) float32, unit vectors towards the camera; (0, 0, 0) where the inverse depth is
        unknown, or less than a quarter of the window is on one plane.
    """
    reach, (height, width) = offsets[-1], inverse.shape
    padded = np.full((height + 2 * reach, width + 2 * reach), np.nan, np.float32)
    padded[reach : reach + height, reach : reach + width] = inverse
    parameters = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float64)
    return _program()(
        padded, np.array(offsets, np.int64), np.array(tolerances, np.float32), parameters
    )


@functools.cache
def _program() -> Callable[..., Floats]:
    """Compile `_normals`, or load it from the cache on disk."""
    return compiled(_SIGNATURE, _normals)


def _normals(
    padded: Floats, offsets: NDArray[np.int64], tolerances: Floats, camera: NDArray[np.float64]
) -> Floats:
    """Return normals (H, W, 3) from inverse depth with a border of the largest offset."""
    reach = offsets[-1]
    height, width = padded.shape[0] - 2 * reach, padded.shape[1] - 2 * reach
    normals = np.zeros((height, width, 3), np.float32)
    planes, sums = np.empty((3, width), np.float32), np.empty((9, width), np.float32)
    for row in range(height):
        rows = padded[row : row + 2 * reach + 1]
        center = rows[reach, reach : reach + width]
        for x in range(width):  # not an assignment of rows, which takes two seconds to compile
            planes[0, x], planes[1, x], planes[2, x] = 0, 0, center[x]
        for tolerance in tolerances:
            _add_windows(rows, center, offsets, planes, tolerance, sums)
            _solve(sums, center, planes)
        least = _LEAST_SHARE * len(offsets) ** 2
        _to_normals(planes, sums[0], least, row, camera, normals[row])
    return normals


@njit()
def _add_windows(
    rows: Floats,
    center: Floats,
    offsets: NDArray[np.int64],
    planes: Floats,
    tolerance: np.float32,
    sums: Floats,
) -> None:
    """Sum 1, u, v, uu, uv, vv, w, uw, vw (9, W) over the inliers of the windows of one row.

    u and v are columns and rows from the center, and w is the difference of inverse depth.

    Args:
        rows: (2 * reach + 1, W + 2 * reach), the rows of the windows.
        center: (W,), inverse depth of the centers.
        offsets: Columns, and rows, of the pixels of a window.
        planes: (3, W), those that inliers are near: change per column and row, value at the center.
        tolerance: Maximum distance of an inlier, relative to the center.
        sums: The result.
    """
    a, b, c = planes[0], planes[1], planes[2]
    part = np.empty((5, len(center)), np.float32)
    sums[:] = 0
    for dv in offsets:
        v = np.float32(dv)
        part[:] = 0
        for du in offsets:
            u = np.float32(du)
            seen = rows[offsets[-1] + dv, offsets[-1] + du :]
            for x in range(len(center)):
                # False for NaN
                used = abs(seen[x] - (c[x] + a[x] * u + b[x] * v)) <= tolerance * center[x]
                one = np.float32(1) if used else np.float32(0)
                w = seen[x] - center[x] if used else np.float32(0)
                part[0, x] += one
                part[1, x] += u * one
                part[2, x] += u * u * one
                part[3, x] += w
                part[4, x] += u * w
        for x in range(len(center)):
            sums[0, x] += part[0, x]
            sums[1, x] += part[1, x]
            sums[2, x] += v * part[0, x]
            sums[3, x] += part[2, x]
            sums[4, x] += v * part[1, x]
            sums[5, x] += v * v * part[0, x]
            sums[6, x] += part[3, x]
            sums[7, x] += part[4, x]
            sums[8, x] += v * part[3, x]


@njit(error_model="numpy")  # no check for a division by 0
def _solve(sums: Floats, center: Floats, planes: Floats) -> None:
    """Solve the least squares of w = a u + b v + c, and set the planes (a, b, c + center).

    Collinear pixels do not determine a plane. Their number sums[0] becomes 0.
    """
    for x in range(len(center)):
        n, u, v = max(sums[0, x], np.float32(1)), sums[1, x], sums[2, x]
        uu, uv, vv = sums[3, x] - u * u / n, sums[4, x] - u * v / n, sums[5, x] - v * v / n
        w = sums[6, x]
        uw, vw = sums[7, x] - u * w / n, sums[8, x] - v * w / n
        determinant = uu * vv - uv * uv
        determined = determinant > np.float32(0.05) * uu * vv
        divisor = determinant if determined else np.float32(np.inf)
        a, b = (vv * uw - uv * vw) / divisor, (uu * vw - uv * uw) / divisor
        planes[0, x], planes[1, x] = a, b
        planes[2, x] = center[x] + (w - a * u - b * v) / n
        sums[0, x] = sums[0, x] if determined else np.float32(0)


@njit(error_model="numpy")
def _to_normals(
    planes: Floats,
    inliers: Floats,
    least: float,
    row: int,
    camera: NDArray[np.float64],
    normals: Floats,
) -> None:
    """Set the unit normals (W, 3), towards the camera, of planes with enough inliers."""
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    for x in range(len(inliers)):
        a, b, c = planes[0, x], planes[1, x], planes[2, x]
        if inliers[x] >= least and c > 0:
            # 1 / Z = a (u - x) + b (v - row) + c at u = fx X + cx, v = fy Y + cy, by X, Y and 1
            m = a * fx, b * fy, c - a * (x - cx) - b * (row - cy)
            length = np.sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2])
            for axis in range(3):
                normals[x, axis] = (0 - m[axis]) / length  # 0 - 0 is 0, not -0
