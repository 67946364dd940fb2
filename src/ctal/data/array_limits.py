"""Limits of the arrays in files, since a small file can claim any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ctal.errors import InputError

MAX_BYTES = 1 << 31
"""Limit of one array: 2 GiB, such as 16,384 x 16,384 float64."""


def check_bytes(path: Path, size: int) -> None:
    """Check the number of bytes of an array before it is read.

    Raises:
        InputError: It exceeds `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise InputError(f"{path}: expected an array of at most {MAX_BYTES} bytes, got {size}")


def array_bytes(shape: Sequence[int], item_size: int) -> int:
    """Return the number of bytes of an array, without an overflow."""
    return math.prod(map(int, shape)) * item_size
