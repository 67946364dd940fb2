"""Arithmetic on the stored numbers of a map: scaling, distances along rays, masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.camera import Camera
from ctal.errors import InputError

Numbers = NDArray[np.float64]


def scaled(
    stored: Numbers,
    scale: float | list[float],
    offset: float | list[float],
    invert: bool,
    unlabelled: float,
) -> Numbers:
    """Return stored * scale + offset, or 1 over it.

    Args:
        stored: (H, W) or (H, W, C).
        scale: A factor, or one per channel.
        offset: A number, or one per channel.
        invert: Whether to return the inverse, which is unlabelled where the sum is <= 0.
        unlabelled: The value of pixels without a label.

    Raises:
        InputError: There is not one number per channel.
    """
    for key, given in (("scale", scale), ("offset", offset)):
        if isinstance(given, list) and (stored.ndim < 3 or stored.shape[-1] != len(given)):
            raise InputError(
                f"{key}: expected a number for each channel of the last axis, got {given} "
                f"for the shape {stored.shape}"
            )
    values = stored * np.asarray(scale) + np.asarray(offset)
    if not invert:
        return values
    finite = values > 0
    return np.where(finite, 1 / np.where(finite, values, 1), unlabelled)


def depth_along_axis(distance: Numbers, camera: Camera) -> Numbers:
    """Convert distances from the camera's center to depth along the optical axis.

    The point at depth Z is Z (x, y, 1), at the distance Z sqrt(x^2 + y^2 + 1), with
    x = (u - cx) / fx and y = (v - cy) / fy. The form of Hypersim and of many renderers.

    Args:
        distance: (H, W); 0 where unknown.
        camera: The camera of the map, or of another size of it, if it has a `size`.

    Raises:
        InputError: The array has another shape.
    """
    if distance.ndim != 2:
        raise InputError(f"along_ray: expected distances (H, W), got the shape {distance.shape}")
    height, width = distance.shape
    camera = camera.for_size(height, width)
    x = (np.arange(width) - camera.cx) / camera.fx
    y = (np.arange(height)[:, None] - camera.cy) / camera.fy
    depth: Numbers = distance / np.sqrt(x * x + y * y + 1)
    return depth


def without_channel(array: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W) of an array with a channel axis of length 1, first or last; others as they are.

    Args:
        array: Of one value per pixel.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        return array[..., 0]
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[2] not in (3, 4):
        return array[0]
    return array  # colors of an image with one row too


def with_mask(ignored: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add the pixels that a mask hides to those without a label.

    Args:
        ignored: (H, W) or (H, W, C).
        hidden: (H, W).

    Raises:
        InputError: The sizes differ.
    """
    if hidden.shape != ignored.shape[:2]:
        raise InputError(
            f"mask: expected the size of the map, {ignored.shape[0]}x{ignored.shape[1]} pixels "
            f"(height x width), got the shape {hidden.shape}"
        )
    return ignored | (hidden if ignored.ndim == 2 else hidden[..., None])
