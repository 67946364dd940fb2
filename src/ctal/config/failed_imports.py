"""One-line errors for modules of the user that raise while they are imported."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from ctal.errors import InputError, causes

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = (
    _PACKAGE,
    *(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")),
)
"""Folders of this package, of Python and of installed packages."""


def failed_import(error: BaseException) -> InputError | None:
    """Return an error that names the place in the user's module where its import failed.

    It is None if `error` has no such cause. An error of another kind, and one that is raised inside
    of this package, is a bug and needs its traceback.
    """
    for cause in causes(error):
        if place := _place(cause):
            file, line = place
            at_line = f", line {line}" if line else ""
            return InputError(f"{file}{at_line}: the module cannot be imported ({_reason(cause)})")
    return None


def _reason(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return ": ".join(filter(None, [type(error).__name__, *text.strip().splitlines()[:1]]))


def _place(error: BaseException) -> tuple[str, int | None] | None:
    """Return file and line in the user's code, or None if no module was imported there."""
    if isinstance(error, SyntaxError) and error.filename and _is_own(error.filename):
        return error.filename, error.lineno
    places = list(_places(error))
    if not any(imports for _, _, imports in places):
        return None
    if not isinstance(error, InputError) and Path(places[-1][0]).is_relative_to(_PACKAGE):
        return None  # a bug of this package
    return next((file, line) for file, line, _ in reversed(places) if _is_own(file))


def _places(error: BaseException) -> Iterator[tuple[str, int, bool]]:
    """Yield file and line of each frame, and whether a module of the user is imported there.

    Code that a library generates and runs, such as that of torch.compile, has no import spec.
    """
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        by_name = frame.f_code.co_name == "<module>" and frame.f_globals.get("__spec__") is not None
        yield file, line, by_name and _is_own(file)


def _is_own(name: str) -> bool:
    file = Path(name)
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return (
        file.is_file()
        and not installed
        and not any(file.is_relative_to(folder) for folder in _INSTALLED)
    )
