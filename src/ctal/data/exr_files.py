"""Channels of OpenEXR files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_limits import array_bytes, check_bytes
from ctal.errors import InputError

SUFFIXES = frozenset({".exr"})
"""Lower-case endings of OpenEXR files."""


def read_exr(path: Path, key: str | None) -> NDArray[Any]:
    """Read one channel of an OpenEXR file, or its colors.

    Args:
        path: The file.
        key: Name of a channel, such as "Z" or "R". None: the only channel, or R, G and B.

    Returns:
        (H, W), or (H, W, 3) for R, G and B; float16, float32 or uint32.

    Raises:
        InputError: OpenEXR is not installed, the file has several parts, is too large or covers a
            part of its image only, or the channel is not found.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise InputError(
            f"{path}: reading EXR requires OpenEXR; install it with: pip install 'ctal[data]'"
        ) from error
    with OpenEXR.File(str(path), header_only=True) as file:
        _check_header(path, [part.header for part in file.parts])
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.parts[0].channels
        wanted = _wanted(path, sorted(channels), key)
        arrays = [np.asarray(channels[name].pixels) for name in wanted]
    return arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=-1)


def _check_header(path: Path, headers: list[dict[str, Any]]) -> None:
    if len(headers) != 1:
        raise InputError(f"{path}: expected one part, got {len(headers)}; save one per file")
    header = headers[0]
    low, high = (np.asarray(corner, np.int64) for corner in header["dataWindow"])
    shown = [np.asarray(corner, np.int64) for corner in header["displayWindow"]]
    if not (np.array_equal(low, shown[0]) and np.array_equal(high, shown[1])):
        raise InputError(
            f"{path}: expected pixels of the whole image, from {shown[0].tolist()} to "
            f"{shown[1].tolist()}, got those from {low.tolist()} to {high.tolist()}"
        )
    channels = len(header["channels"])
    check_bytes(path, array_bytes([channels, *(high - low + 1).tolist()], 4))


def _wanted(path: Path, names: list[str], key: str | None) -> list[str]:
    if key is not None:
        if key not in names:
            raise InputError(f"{path}: key: expected a channel, {', '.join(names)}, got {key!r}")
        return [key]
    if len(names) == 1:
        return names
    if set("RGB") <= set(names) <= set("RGBA"):
        return list("RGB")
    raise InputError(
        f"{path}: expected `key`, the name of the channel to read, one of {', '.join(names)}"
    )
