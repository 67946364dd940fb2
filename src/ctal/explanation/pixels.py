"""Pixels that a person names: (x, y), counted from the upper left corner of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from ctal.errors import InputError

Pixel = tuple[int, int]
"""(x, y): column and row, from 0, x to the right and y down; `array[y, x]` is its value."""


def checked_pixel(pixel: Sequence[int], size: tuple[int, int]) -> Pixel:
    """A pixel that a person gave, if it is one of the picture.

    Args:
        pixel: (x, y) in pixels of the picture.
        size: (H, W) of the picture.

    Raises:
        InputError: it is not two whole numbers, or lies outside the picture.
    """
    if len(pixel) != 2 or not all(isinstance(part, Integral) for part in pixel):
        given = " ".join(map(str, pixel))
        raise InputError(f"pixel: expected two whole numbers, x and y, got {given!r}")
    (x, y), (height, width) = pixel, size
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(
            f"pixel: expected x in 0..{width - 1} and y in 0..{height - 1}, since the picture is "
            f"{width} wide and {height} high, got x {x} and y {y}"
        )
    return int(x), int(y)


def grid_pixel(pixel: Pixel, size: tuple[int, int], grid: tuple[int, int]) -> Pixel:
    """The pixel (x, y) of a grid in which the centre of a picture's pixel lies.

    Args:
        pixel: (x, y) in the picture.
        size: (H, W) of the picture.
        grid: (H', W') of the grid, which spans the same picture.
    """
    (x, y), (height, width), (rows, columns) = pixel, size, grid
    return (2 * x + 1) * columns // (2 * width), (2 * y + 1) * rows // (2 * height)
