"""Arrays of HDF5 files, by the name of their dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_limits import array_bytes, check_bytes
from ctal.errors import InputError

SUFFIXES = frozenset({".h5", ".hdf5", ".he5"})
"""Lower-case endings of HDF5 files."""

_LISTED = 20  # datasets in a message


def read_hdf5(path: Path, key: str | None) -> NDArray[Any]:
    """Read one dataset of an HDF5 file.

    Nothing outside the file is read: links, and datasets that are stored in other files, are
    refused.

    Args:
        path: The file.
        key: Name of the dataset, with slashes for groups. None: the only one.

    Raises:
        InputError: h5py is not installed, the dataset is not found, is not in this file, is too
            large, or holds no numbers.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path}: reading HDF5 requires h5py; install it with: pip install 'ctal[data]'"
        ) from error
    with h5py.File(path, "r") as file:
        dataset = _located(file, path, _only(file, path) if key is None else key)
        if dataset.is_virtual or dataset.external or dataset.dtype.kind not in "buif":
            raise InputError(
                f"{path}: {dataset.name}: expected numbers stored in this file, got "
                f"{dataset.dtype}{' of another file' if dataset.dtype.kind in 'buif' else ''}"
            )
        for shape in (dataset.shape, dataset.chunks or ()):
            check_bytes(path, array_bytes(shape, dataset.dtype.itemsize))
        return np.asarray(dataset[()])


def _located(file: Any, path: Path, key: str) -> Any:
    """Follow a name from group to group by hard links only; others could lead to another file."""
    place = file
    for part in filter(None, key.split("/")):
        link = place.get(part, getlink=True) if hasattr(place, "get") else None
        if type(link).__name__ != "HardLink":
            found = f"a {type(link).__name__}" if link else ", ".join(_names(file)) or "none"
            raise InputError(f"{path}: key: expected the name of a dataset, {key!r}, got {found}")
        place = place[part]
    if not hasattr(place, "dtype"):
        raise InputError(
            f"{path}: key: expected the name of a dataset, got the group {key!r}; there are "
            f"{', '.join(_names(file)) or 'no datasets'}"
        )
    return place


def _only(file: Any, path: Path) -> str:
    names = _names(file)
    if len(names) != 1:
        raise InputError(
            f"{path}: expected `key`, the name of the dataset to read, one of "
            f"{', '.join(names) or 'none'}"
        )
    return names[0]


def _names(file: Any) -> list[str]:
    """Return the names of the first datasets; h5py follows no links here."""
    names: list[str] = []

    def add(name: str, place: Any) -> bool | None:
        names.extend([name] if hasattr(place, "dtype") else [])
        return True if len(names) >= _LISTED else None  # anything but None ends the visit

    file.visititems(add)
    return names
