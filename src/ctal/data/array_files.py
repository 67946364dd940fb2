"""Read one file of a sample: an array of numbers, or an image. Every error names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import Image

from ctal.data import exr_files, hdf5_files
from ctal.data.array_limits import check_bytes
from ctal.data.stored_numbers import read_numbers
from ctal.errors import InputError, first_line
from ctal.io.formats import ARRAY_SUFFIXES, advice
from ctal.io.images import read_image


def read_array(
    path: Path, *, bits: int | None = None, ids: bool = True, key: str | None = None
) -> NDArray[Any]:
    """Read the numbers of a file as stored: .npy, .npz, HDF5, OpenEXR, or an image.

    Args:
        path: The file; its ending may be in capitals.
        bits: Required bits per value of an image, 8 or 16. None: any.
        ids: Whether the numbers are ids (see `ctal.data.stored_numbers.read_numbers`).
        key: Name of the array in an .npz or HDF5 file, or of the channel of an OpenEXR file. None:
            the only one.

    Returns:
        (H, W) or (H, W, C).

    Raises:
        InputError: The file is not found, broken, empty or too large, holds Python objects, has no
            array `key`, or is an image of another encoding.
    """
    suffix = path.suffix.lower()
    with _reading(path):
        if suffix in hdf5_files.SUFFIXES:
            return _with_pixels(hdf5_files.read_hdf5(path, key), path)
        if suffix in exr_files.SUFFIXES:
            return _with_pixels(exr_files.read_exr(path, key), path)
        if suffix == ".npz":
            return _with_pixels(_load_npz(path, key), path)
        if key is not None:
            raise InputError(f"{path}: key: expected an .npz, HDF5 or EXR file, got {suffix}")
        if is_array_file(path):
            return _with_pixels(np.load(path, allow_pickle=False), path)  # it must never run code
        return _with_pixels(read_numbers(path, bits=bits, ids=ids), path)


def read_float_image(path: Path, key: str | None = None) -> Image:
    """Read an image as float32 RGB (3, H, W) in 0..1.

    Args:
        path: An image that `ctal.io.images` reads, or an array file (H, W, 3), uint8 or floating
            point in 0..1.
        key: Name of the array in an .npz or HDF5 file. None: the only one.

    Raises:
        InputError: The file cannot be read, or does not hold an image.
    """
    if key is None and not is_array_file(path):
        return Image(read_image(path).float() / 255)
    array = read_array(path, key=key)
    if array.ndim != 3 or array.shape[2] != 3:
        raise InputError(f"{path}: expected an image (H, W, 3), got the shape {array.shape}")
    top = 255 if array.dtype == np.uint8 else 1
    with np.errstate(over="ignore"):  # values beyond float32 become infinite and fail below
        pixels = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32) / np.float32(top)
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # not (...), so that NaN fails too
        raise InputError(
            f"{path}: expected an image of uint8 or of floating-point values in 0..1, "
            f"got {array.dtype} from {array.min()} to {array.max()}"
        )
    return Image(torch.from_numpy(pixels))


def is_array_file(path: Path) -> bool:
    """Return whether a file is named as .npy, .npz or HDF5, in any case."""
    return path.suffix.lower() in ARRAY_SUFFIXES | hdf5_files.SUFFIXES


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # readers raise anything on a broken file
        known = "" if path.suffix.lower() in exr_files.SUFFIXES else advice(path)
        hint = f"; it is {known}" if known else ""
        raise InputError(
            f"{path}: expected a readable image or array, got: {first_line(error)}{hint}"
        ) from error


def _load_npz(path: Path, key: str | None) -> NDArray[Any]:
    # allow_pickle=False: a data file must never run code
    with np.load(path, allow_pickle=False) as loaded:
        if key is None and len(loaded.files) != 1:
            raise InputError(
                f"{path}: expected one array, or `key`, the name of the array to read, got "
                f"{len(loaded.files)}: {loaded.files}"
            )
        name = loaded.files[0] if key is None else key
        if name not in loaded.files:
            raise InputError(f"{path}: key: expected one of {loaded.files}, got {name!r}")
        # the archive never yields more bytes than it lists
        sizes = {
            info.filename.removesuffix(".npy"): info.file_size for info in loaded.zip.infolist()
        }
        check_bytes(path, sizes[name])
        array: NDArray[Any] = loaded[name]
        return array


def _with_pixels(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.size == 0 or array.ndim < 2 or array.dtype.kind not in "buif":
        raise InputError(
            f"{path}: expected numbers with a height and a width of at least 1, "
            f"got {array.dtype} of the shape {array.shape}"
        )
    return array
