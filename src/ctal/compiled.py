"""Loops compiled by numba, with a cache on disk where one can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FAST = {"contract", "reassoc", "nsz"}
"""`fastmath` of numba for sums in any order, with vector instructions; NaN and infinity remain."""


def compiled(signature: str, function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function of arrays and numbers, or load it from the cache.

    Call it late, since it imports numba. The compiled function releases Python's interpreter lock.

    The cache is `__pycache__`, or a folder of the user. If neither can be written, if the disk is
    full, or if a file is damaged, numba raises errors of many types; then there is no cache.

    Args:
        signature: the types of the result and the arguments, as numba writes them.
        function: the function.
        options: of `numba.njit`.
    """
    from numba import njit

    try:
        return njit(signature, nogil=True, cache=True, **options)(function)
    except Exception:
        return njit(signature, nogil=True, **options)(function)
