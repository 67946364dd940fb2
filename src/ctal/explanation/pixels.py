"""Pixels as (x, y), counted from the upper left corner of an image."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from ctal.errors import InputError

Pixel = tuple[int, int]
"""(x, y): column and row, from 0, x to the right and y down; `array[y, x]` is its value."""


def checked_pixel(pixel: Sequence[int], size: tuple[int, int]) -> Pixel:
    """Return a pixel as integers.

    Args:
        pixel: (x, y) in pixels of the image.
        size: (H, W) of the image.

    Raises:
        InputError: the pixel is not two integers, or is outside the image.
    """
    if len(pixel) != 2 or not all(isinstance(part, Integral) for part in pixel):
        given = " ".join(map(str, pixel))
        raise InputError(f"pixel: expected two integers, x and y, got {given!r}")
    (x, y), (height, width) = pixel, size
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(
            f"pixel: expected x in 0..{width - 1} and y in 0..{height - 1} in an image of width "
            f"{width} and height {height}, got x {x} and y {y}"
        )
    return int(x), int(y)


def grid_pixel(pixel: Pixel, size: tuple[int, int], grid: tuple[int, int]) -> Pixel:
    """Return the pixel (x, y) of a grid that contains the center of an image's pixel.

    Args:
        pixel: (x, y) in the image.
        size: (H, W) of the image.
        grid: (H', W') of the grid, which spans the same image.
    """
    (x, y), (height, width), (rows, columns) = pixel, size, grid
    return (2 * x + 1) * columns // (2 * width), (2 * y + 1) * rows // (2 * height)
