"""Exact values of an image file, without rescaling, inversion or loss of bits.

Pillow decodes images for viewing: it drops the low byte of 16-bit colors, multiplies gray of 2 and
4 bits, rescales a PGM to its maximum, and inverts bitmaps. For labels and depth, each of these
cases is undone, read with another library, or refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ctal.data.array_limits import check_bytes
from ctal.errors import InputError, UnreadableError
from ctal.io.images import open_image

EXACT = "PNG, TIFF, BMP, GIF, PPM or lossless WebP"
"""Image formats whose stored values are read exactly, for messages."""

_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF", "HEIF", "lossy WebP")
# (bits per sample, sample format) of TIFFs whose values Pillow preserves
_TIFF_KEPT = {((8,), 1), ((16,), 1), ((16,), 2), ((32,), 2), ((32,), 3), ((8, 8, 8), 1)}


def read_numbers(path: Path, *, bits: int | None = None, ids: bool = True) -> NDArray[Any]:
    """Read the stored values of an image file.

    Args:
        path: The file.
        bits: Required bits per value: 8 (or fewer) or 16 (or more). None: any.
        ids: Whether the values are ids. For ids, palette indices are allowed and lossy formats are
            refused; for other values, palettes are refused and lossy formats allowed.

    Returns:
        (H, W) for gray images and palettes (their indices), (H, W, C) for colors.

    Raises:
        InputError: The file has another encoding, has several frames, or stores values that cannot
            be read exactly.
    """
    if _is_tiff(path):
        array, found = _tiff(path, ids=ids)
    else:
        with open_image(path) as image:
            kind = _format(path, image)
            _check_frames(path, 1 if kind == "MPO" else getattr(image, "n_frames", 1))
            _check_kind(path, image, kind, ids)
            array, found = _READERS.get(kind, _refused)(path, image)
    if bits is not None and (bits == 16) != (found > 8):
        raise InputError(f"{path}: expected an image of {bits} bits, got {found} bits")
    return array


def _check_frames(path: Path, frames: int) -> None:
    if frames > 1:
        raise InputError(f"{path}: expected one map, got {frames} frames; save one per file")


def _check_kind(path: Path, image: Image.Image, kind: str, ids: bool) -> None:
    if kind in _LOSSY and ids:
        raise InputError(
            f"{path}: expected class ids in a lossless format (PNG, .npy), got {kind}, a "
            "lossy format that changes them; export the labels again as PNG"
        )
    if image.mode == "P" and not ids:
        raise InputError(
            f"{path}: expected gray values, got a palette image, whose indices are not values; "
            "save it as a gray image"
        )


def _format(path: Path, image: Image.Image) -> str:
    """Return Pillow's name of the format, or "lossy WebP"."""
    if image.format != "WEBP":
        return image.format or "unknown"
    return "WEBP" if _chunks(path) & {b"VP8L"} else "lossy WebP"


def _chunks(path: Path) -> set[bytes]:
    """Return the names of the chunks of a WebP file, which is a RIFF container."""
    names = set()
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            names.add(head[:4])
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)
    return names


def _png(path: Path, image: Image.Image) -> tuple[NDArray[Any], int]:
    with path.open("rb") as file:
        depth, color = file.read(26)[24:]  # from the header chunk
    if depth == 16 and color != 0:
        return _deep_colors(path), depth
    array = np.asarray(image)
    if color == 0 and depth in (2, 4):  # Pillow rescales them to 0..255
        array = array // (255 // ((1 << depth) - 1))
    return array, depth


def _deep_colors(path: Path) -> NDArray[Any]:
    """Read a PNG of 16-bit colors with imagecodecs, of the extra `data`."""
    try:
        from imagecodecs import png_decode
    except ImportError as error:
        raise InputError(
            f"{path}: reading a PNG of 16-bit colors requires imagecodecs; install it with: "
            "pip install 'ctal[data]'"
        ) from error
    pixels: NDArray[Any] = png_decode(path.read_bytes())
    return pixels


def _is_tiff(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _tiff(path: Path, ids: bool) -> tuple[NDArray[Any], int]:
    try:
        with open_image(path) as image:
            _check_frames(path, getattr(image, "n_frames", 1))
            _check_kind(path, image, "TIFF", ids)
            tags: Any = image.tag_v2  # type: ignore[attr-defined]  # only TIFF has it
            bits, kinds = tuple(tags.get(258, (1,))), set(tags.get(339, (1,)))
            kept = len(kinds) == 1 and (bits, *kinds) in _TIFF_KEPT and tags.get(262) in (1, 2)
            if tags.get(259) in (6, 7) and ids:
                _check_kind(path, image, "JPEG", ids)
            if kept or tags.get(262) == 3:
                return np.asarray(image), max(bits)
    except UnreadableError:  # Pillow supports fewer data types than tifffile
        pass
    array = read_tiff(path)
    return array, 8 * array.dtype.itemsize


def read_tiff(path: Path) -> NDArray[Any]:
    """Read a TIFF of any data type with tifffile, of the extra `data`.

    Raises:
        InputError: tifffile is not installed, or the file has several pages.
    """
    try:
        from tifffile import TiffFile
    except ImportError as error:
        raise InputError(
            f"{path}: expected a TIFF of 8 bits, 16-bit gray or float32; reading other types "
            "requires tifffile; install it with: pip install 'ctal[data]'"
        ) from error
    with TiffFile(path) as file:
        _check_frames(path, len(file.pages))
        check_bytes(path, file.pages[0].nbytes)
        array: NDArray[Any] = file.pages[0].asarray()
        return array


def _ppm(path: Path, image: Image.Image) -> tuple[NDArray[Any], int]:
    with path.open("rb") as file:
        head = re.sub(rb"#[^\n]*", b"", file.read(1 << 12)).split()
    if head[0] in (b"P1", b"P4"):  # in bitmaps, 1 is black
        return (~np.asarray(image)).astype(np.uint8), 1
    if head[0] in (b"Pf", b"PF"):
        return np.asarray(image), 32
    top, array = int(head[3]), np.asarray(image)
    if head[0] not in (b"P2", b"P5", b"P3", b"P6") or (array.ndim == 3 and top > 255):
        raise InputError(f"{path}: expected a PPM of 8 bits or a PGM; save it as PNG")
    if top not in (255, 65535):  # Pillow rescales to one of these
        full = 255 if top < 256 else 65535
        array = np.rint(array * (top / full)).astype(np.uint16)
    return array, 8 if top < 256 else 16


def _bmp(path: Path, image: Image.Image) -> tuple[NDArray[Any], int]:
    with path.open("rb") as file:
        depth = int.from_bytes(file.read(30)[28:], "little")
    if depth not in (8, 24):
        raise InputError(f"{path}: expected a BMP of 8 or 24 bits, got {depth}; save it as PNG")
    return np.asarray(image), 8


def _as_decoded(path: Path, image: Image.Image) -> tuple[NDArray[Any], int]:
    if image.mode not in ("P", "L", "RGB", "RGBA"):
        raise InputError(f"{path}: expected gray or RGB, got the mode {image.mode}; save it as PNG")
    return np.asarray(image), 8


def _refused(path: Path, image: Image.Image) -> tuple[NDArray[Any], int]:
    raise InputError(
        f"{path}: expected a map in {EXACT}, or .npy, got {image.format}; save it as one of these"
    )


_READERS = {
    "PNG": _png,
    "PPM": _ppm,
    "BMP": _bmp,
    "GIF": _as_decoded,
    "WEBP": _as_decoded,
    "lossy WebP": _as_decoded,
    "JPEG": _as_decoded,
    "MPO": _as_decoded,
}
