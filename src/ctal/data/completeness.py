"""Whether a data set with missing files may be opened: not for training, but to look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ctal.errors import InputError

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


def check_present(paths: Sequence[Path], *, samples: int, optional: bool = False) -> None:
    """Looks whether files exist.

    Args:
        paths: the files.
        samples: how many samples they belong to, for the message.
        optional: whether one is enough: a sample may lack its own.

    Raises:
        InputError: files are missing, and this is not to be told when their sample is read. Where
            all of the optional ones are missing no sample would tell.
    """
    missing = [path for path in paths if not path.is_file()]
    wanting = len(missing) == len(paths) if optional else len(missing) > 0
    if wanting and (optional or not incomplete_allowed()):
        raise InputError(
            f"{missing[0]}: expected a file for {'some' if optional else 'each'} of the "
            f"{samples} samples, {len(missing)} are missing"
        )
