"""A lock on a folder that ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ctal.errors import InputError

NAME = ".lock"
# a folder on a network whose server has no locks answers so
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_held: set[Path] = set()  # the system's locks do not keep out the process that holds them


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone.

    The system ends the lock with the process, however that ends, and forked processes (data
    workers) do not inherit it. Where a file system has no locks, the file `.lock` names the process
    and its machine, and counts only while that process runs.

    Args:
        folder: The folder, created if missing.

    Raises:
        InputError: Another command holds it, or the folder cannot be written.
    """
    path = folder.resolve() / NAME
    if path in _held:
        raise _in_use(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _open_locked(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{folder}: cannot be written ({reason}); choose another folder"
        ) from error
    if file is None:
        raise _in_use(folder)
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        with suppress(OSError):  # before it is released, so that nobody can lock it meanwhile
            path.unlink()
        os.close(file)


def _open_locked(path: Path) -> int | None:
    """Open and lock the file; None where another process holds it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _lock(file):
            os.close(file)
            return None
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file)):
            with suppress(OSError):  # on a full disk, where the lock holds all the same
                os.truncate(file, 0)
                os.write(file, f"{os.getpid()} {socket.gethostname()}\n".encode())
            return file
        os.close(file)  # its holder ended, and removed it, between the two calls


def _lock(file: int) -> bool:
    """Lock an open file without waiting; False where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        # of the process, where flock() would be that of its forked workers too
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            return False
        return not _names_living_process(os.pread(file, 200, 0).decode(errors="replace"))
    return True


def _names_living_process(text: str) -> bool:
    """Whether a lock file names another process of this machine that runs."""
    number, _, host = text.strip().partition(" ")
    if not number.isdecimal() or host != socket.gethostname() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:  # that of another user
        return True
    return True


def _in_use(folder: Path) -> InputError:
    return InputError(
        f"{folder}: another command writes to this folder; wait until it ends, or choose another "
        "folder"
    )
