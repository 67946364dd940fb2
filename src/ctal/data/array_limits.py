"""Limits of the arrays in files, since a small file can claim any size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ctal.errors import InputError

MAX_GIB = 2.0
"""Default limit of one array: 2 GiB, such as 16,384 x 16,384 float64."""

_limit: ContextVar[float | None] = ContextVar("max_array_gib", default=None)


def checked_limit(gib: float) -> float:
    """Return a limit in GiB that was given by a user.

    Raises:
        InputError: It is not above 0.
    """
    if not gib > 0:
        raise InputError(f"max_array_gib: expected a number > 0, got {gib}")
    return gib


@contextmanager
def array_limit(gib: float) -> Iterator[None]:
    """Read arrays up to another limit in this context.

    Args:
        gib: The limit of one array, in GiB.
    """
    token = _limit.set(gib)
    try:
        yield
    finally:
        _limit.reset(token)


def check_bytes(path: Path, size: int) -> None:
    """Check the number of bytes of an array before it is read.

    Raises:
        InputError: It exceeds the limit, `MAX_GIB` or that of `array_limit`.
    """
    limit = _limit.get() or MAX_GIB
    if size > limit * 2**30:
        raise InputError(
            f"{path}: expected an array of at most {limit:g} GiB, got {size / 2**30:.3g} GiB; if "
            "you trust the file, set a larger `max_array_gib` of ctal.data.FolderDataset"
        )


def array_bytes(shape: Sequence[int], item_size: int) -> int:
    """Return the number of bytes of an array, without an overflow."""
    return math.prod(map(int, shape)) * item_size
