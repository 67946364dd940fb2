"""Whether a data set with missing files may be opened: not for training, but to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_allowed = ContextVar("incomplete_allowed", default=False)


def incomplete_allowed() -> bool:
    """Whether missing files are to be told when their sample is read, and not at the opening."""
    return _allowed.get()


@contextmanager
def allowing_incomplete() -> Iterator[None]:
    """Lets data sets with missing files be opened as long as this lasts."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)
