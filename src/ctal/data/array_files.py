"""Reading one file: a picture, or an array of labels. Every failure names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PILImage
from torchvision.tv_tensors import Image

from ctal.errors import InputError
from ctal.io.images import read_image

_ARRAY_FILES = {".npy", ".npz"}
_DEEP_MODES = ("I", "F")  # how the names of Pillow's modes with more than 8 bits begin


def read_array(path: Path, *, bits: int | None = None, palette: bool = True) -> NDArray[Any]:
    """The numbers that a file holds, as stored: .npy, .npz with one array, or any picture format.

    A grey picture gives (H, W), 8 or 16 bit; a palette picture its indices; colours (H, W, C).

    Args:
        path: the file.
        bits: how many bits a value in a picture must have, 8 or 16; None: any.
        palette: whether the picture may be one with a palette.

    Raises:
        InputError: the file is missing, broken, empty, holds Python objects, or is a picture of
            another encoding.
    """
    with _reading(path):
        if path.suffix in _ARRAY_FILES:
            return _with_pixels(_load_numpy(path), path)
        with PILImage.open(path) as file:
            found = 16 if file.mode.startswith(_DEEP_MODES) else 8
            if bits not in (None, found):
                raise InputError(f"{path}: expected a picture of {bits} bits, got {found} bits")
            if file.mode == "P" and not palette:
                raise InputError(
                    f"{path}: expected grey values, got a picture with a palette, whose indices "
                    "are no measure of anything; save it as a grey picture"
                )
            return _with_pixels(np.asarray(file), path)


def read_float_image(path: Path) -> Image:
    """A picture as float32 RGB (3, H, W) in 0..1.

    Any picture that `ctal.io.images` reads, or an array file (H, W, 3), uint8 or floating in 0..1.

    Raises:
        InputError: the file cannot be read, or holds no picture.
    """
    if path.suffix not in _ARRAY_FILES:
        return Image(read_image(path).float() / 255)
    array = read_array(path)
    if array.ndim != 3 or array.shape[2] != 3:
        raise InputError(f"{path}: expected a picture (H, W, 3), got the shape {array.shape}")
    top = 255 if array.dtype == np.uint8 else 1
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is told of
        pixels = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32) / np.float32(top)
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # not (...), so that NaN fails too
        raise InputError(
            f"{path}: expected a picture of uint8 or of floating values in 0..1, "
            f"got {array.dtype} from {array.min()} to {array.max()}"
        )
    return Image(torch.from_numpy(pixels))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: expected a readable picture or array, got: {reason}") from error


def _load_numpy(path: Path) -> NDArray[Any]:
    # allow_pickle=False: a data file must never run code
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            raise InputError(f"{path}: expected one array, got {len(loaded.files)}: {loaded.files}")
        array: NDArray[Any] = loaded[loaded.files[0]]
        return array


def _with_pixels(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.size == 0 or array.ndim < 2 or array.dtype.kind not in "buif":
        raise InputError(
            f"{path}: expected numbers with a height and a width of at least 1, "
            f"got {array.dtype} of the shape {array.shape}"
        )
    return array
