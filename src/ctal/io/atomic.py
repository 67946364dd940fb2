"""Files that are whole or absent: written beside their place, then moved there in one step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ctal.errors import InputError


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file so that nobody, not even after a crash, finds half of it under its name.

    Args:
        path: where the file shall be; its folder is made when missing.
        write: puts the content into an open binary file.

    Raises:
        InputError: the place cannot be written (no permission, a full disk, a file in the way).
    """
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be written ({reason}); choose another output") from error
    finally:
        with suppress(OSError):  # it was moved, or its folder was never there
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 by `write_whole`."""
    write_whole(path, lambda file: file.write(text.encode()))


def check_absent(files: Iterable[Path], overwrite: bool) -> None:
    """Looks, before the work, whether writing would replace something.

    Raises:
        InputError: a file exists, and `overwrite` is not given.
    """
    existing = next((file for file in files if file.exists()), None)
    if existing is not None and not overwrite:
        raise InputError(
            f"{existing}: exists already; choose another --output, or give --overwrite"
        )
