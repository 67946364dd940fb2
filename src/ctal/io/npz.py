"""Write .npz files: compression level, and a check while writing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_LEVEL = 2  # docs/performance.md; 6, that of numpy, takes 2.2 times as long for 18 % less


class _Checked:
    """A file for writing that calls a function before each block."""

    def __init__(self, file: Any, check: Callable[[], None]) -> None:
        self._file, self._check = file, check

    def write(self, block: bytes) -> None:
        self._check()
        self._file.write(block)


def write_npz(
    file: BinaryIO, arrays: Mapping[str, NDArray[Any]], check: Callable[[], None] = lambda: None
) -> None:
    """Write arrays as `numpy.savez_compressed` does, with less compression in less time.

    Args:
        file: An open binary file.
        arrays: The arrays by name; none of objects.
        check: Called before each block of 16 MiB, to stop by an exception.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, array in arrays.items():
            # sizes above 4 GiB are not known before they are written
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(_Checked(member, check), array, allow_pickle=False)
