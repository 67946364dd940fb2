"""A lock on a folder that is released when its process ends."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ctal.errors import InputError

NAME = ".lock"
# errors of network folders whose server does not support locks
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_held: set[Path] = set()  # system locks do not exclude the process that holds them


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder for this process.

    The system releases the lock when the process ends for any reason, and forked processes (data
    workers) do not inherit it. On a file system without locks, the file `.lock` names the process
    and its machine, and is valid only while that process runs.

    Args:
        folder: The folder, created if missing.

    Raises:
        InputError: Another command has locked it, or the folder cannot be written.
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
        with suppress(OSError):  # before the release, so that no other process can lock it
            path.unlink()
        os.close(file)


def _open_locked(path: Path) -> int | None:
    """Open and lock the file; None if another process has locked it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _lock(file):
            os.close(file)
            return None
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file)):
            with suppress(OSError):  # on a full disk the lock is still valid
                os.truncate(file, 0)
                os.write(file, f"{os.getpid()} {socket.gethostname()}\n".encode())
            return file
        os.close(file)  # its owner ended and removed it between the two calls


def _lock(file: int) -> bool:
    """Lock an open file without waiting; False if another process has locked it."""
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
        # per process; forked workers would share a lock of flock()
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            return False
        return not _names_living_process(os.pread(file, 200, 0).decode(errors="replace"))
    return True


def _names_living_process(text: str) -> bool:
    """Return whether a lock file names another running process of this machine."""
    number, _, host = text.strip().partition(" ")
    if not number.isdecimal() or host != socket.gethostname() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:  # process of another user
        return True
    return True


def _in_use(folder: Path) -> InputError:
    return InputError(
        f"{folder}: another command writes to this folder; wait until it ends, or choose another "
        "one"
    )
