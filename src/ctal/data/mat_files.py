"""MATLAB's files: the old ones (version 5 to 7) by scipy, those of version 7.3 by h5py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.errors import InputError

_INSTALL = "install it with: pip install 'ctal[data]'"


def read_mat(path: Path, wanted: str) -> Any:
    """One variable of a .mat file of version 5 to 7.

    Structs become dicts, cells and struct arrays lists (a single element stands for itself), and
    axes of length 1 are dropped.

    Args:
        path: the file.
        wanted: name of the variable.

    Raises:
        InputError: scipy is not installed, the file is missing or broken, or lacks the variable.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise InputError(f"{path}: expected scipy, which reads .mat files; {_INSTALL}") from error
    if not path.is_file():
        raise InputError(f"{path}: expected a .mat file, got none")
    try:
        content = loadmat(path, simplify_cells=True)
    except Exception as error:  # its readers raise whatever a broken file makes them stumble over
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: expected a whole .mat file, got: {reason}") from error
    if wanted not in content:
        found = sorted(key for key in content if not key.startswith("__"))
        raise InputError(
            f"{path}: expected the variable {wanted}, got {', '.join(found) or 'none'}"
        )
    return content[wanted]


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """A .mat file of version 7.3, which is HDF5 with the axes of every array reversed.

    Opened for one reading only: a handle would not survive the start of worker processes.

    Raises:
        InputError: h5py is not installed, the file is missing, cut off or of another version, or
            what is read from it within the context is not there or broken.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: expected h5py, which reads this file; {_INSTALL}") from error
    if not path.is_file():
        raise InputError(f"{path}: expected a .mat file of version 7.3, got none")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: expected a whole .mat file of version 7.3 (HDF5), got: {reason}; "
            "if its download stopped early, fetch it again"
        ) from error


def pixel_rows(array: NDArray[Any]) -> NDArray[Any]:
    """An array (..., W, H) of HDF5 as (..., H, W)."""
    return np.ascontiguousarray(np.swapaxes(array, -1, -2))
