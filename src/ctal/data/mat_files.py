"""MATLAB files: version 5 to 7 with scipy, version 7.3 with h5py."""

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
    """Read one variable of a .mat file of version 5 to 7.

    Structs become dicts. Cells and struct arrays become lists, except those with a single element,
    which are replaced by it. Axes of length 1 are dropped.

    Args:
        path: The file.
        wanted: Name of the variable.

    Raises:
        InputError: scipy is not installed, or the file is missing, broken or lacks the variable.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise InputError(f"{path}: reading .mat files requires scipy; {_INSTALL}") from error
    if not path.is_file():
        raise InputError(f"{path}: expected a .mat file, not found")
    try:
        content = loadmat(path, simplify_cells=True)
    except Exception as error:  # scipy raises any exception on a broken file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: expected a readable .mat file, got: {reason}") from error
    if wanted not in content:
        found = sorted(key for key in content if not key.startswith("__"))
        raise InputError(
            f"{path}: expected the variable {wanted}, got {', '.join(found) or 'none'}"
        )
    return content[wanted]


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a .mat file of version 7.3, which is HDF5 with the axes of every array reversed.

    Open it for each read, since a handle cannot be passed to worker processes.

    Raises:
        InputError: h5py is not installed, the file is missing, truncated or of another version, or
            data read from it within the context is missing or broken.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: reading this file requires h5py; {_INSTALL}") from error
    if not path.is_file():
        raise InputError(f"{path}: expected a .mat file of version 7.3, not found")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: expected a readable .mat file of version 7.3 (HDF5), got: {reason}; "
            "if the download was interrupted, download it again"
        ) from error


def pixel_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Transpose an array (..., W, H) of HDF5 to (..., H, W)."""
    return np.ascontiguousarray(np.swapaxes(array, -1, -2))
