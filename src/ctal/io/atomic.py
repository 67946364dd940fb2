"""Write files atomically: to a temporary file, which is then renamed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ctal.errors import InputError

_PART = re.compile(r"\.(.+)\.(\d+)\.part")
_LONGEST = 100  # characters of the name in that of the temporary file


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file atomically, so that it is never incomplete, not even after a crash.

    The content is synced to disk before the file is renamed, and its folder before this returns.

    Args:
        path: The file; its folder is created if missing.
        write: Function that writes the content to an open binary file.

    Raises:
        InputError: The file cannot be written (no permission, full disk, invalid folder).
    """
    temporary = path.with_name(f".{path.name[:_LONGEST]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        files = [parent for parent in path.parents if parent.is_file()]
        reason = f"{files[-1]} is a file" if files else error.strerror or str(error)
        raise InputError(f"{path}: cannot be written ({reason}); choose another output") from error
    finally:
        with suppress(OSError):  # it was renamed, or its folder does not exist
            temporary.unlink()


def remove_partial(files: Iterable[Path], *, locked: bool = False) -> None:
    """Remove temporary files of `write_whole` that a killed process left for these files.

    Args:
        files: The files; their folders may be missing.
        locked: Whether no other process writes to their folders, so that every temporary file is
            one of a killed process, even if another process has its number now.
    """
    names: dict[Path, set[str]] = {}
    for file in files:
        names.setdefault(file.parent, set()).add(file.name[:_LONGEST])
    for folder, wanted in names.items():
        for partial in folder.glob(".*.part"):
            found = _PART.fullmatch(partial.name)
            if found and found[1] in wanted and (locked or not _is_running(int(found[2]))):
                partial.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Return whether a process of this machine runs; True where it cannot be found out."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _sync_folder(folder: Path) -> None:
    """Sync a folder to disk, if the system supports it."""
    with suppress(OSError):  # Windows cannot open folders; some file systems cannot sync them
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with `write_whole`."""
    write_whole(path, lambda file: file.write(text.encode()))


def check_absent(files: Iterable[Path], overwrite: bool) -> None:
    """Check, before any work is done, that no file would be replaced.

    Raises:
        InputError: A file exists, and `overwrite` is false.
    """
    existing = [file for file in files if file.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise InputError(
            f"{existing[0]}: already exists{others}; choose another --output, or pass --overwrite"
        )
