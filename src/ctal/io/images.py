"""Load any common image format as RGB."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError, UnreadableError, first_line
from ctal.io.color import to_srgb
from ctal.io.formats import register_heif, unreadable
from ctal.io.pixel_limit import without_pixel_limit

ImageLike = str | Path | Image.Image | Tensor | NDArray[Any]
"""Types that `as_rgb` accepts."""

MAX_PIXELS = 1 << 29
"""Size limit of image files: 23,170 x 23,170, 1.6 GB as RGB. A small file can declare any size."""


_FRAMED = ("GIF", "PNG", "WEBP", "AVIF", "TIFF", "FLI", "DCX")  # formats with frames or pages


def as_rgb(image: ImageLike) -> Tensor:
    """Convert any image that `Model.predict` accepts to (3, H, W) RGB, uint8 or float in 0..1.

    Args:
        image: A path, a PIL image, a tensor or array (3, H, W), uint8 or floating point in 0..1,
            or an array (H, W, 3), uint8.

    Raises:
        InputError: The type, shape or range of values is not supported.
        UnreadableError: The file cannot be read.
    """
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Image.Image):
        return _decoded(image)
    pixels = _tensor(image)
    if pixels.ndim == 3 and pixels.shape[-1] == 3 != pixels.shape[0]:
        if isinstance(image, Tensor) or pixels.dtype != torch.uint8:
            method = "permute" if isinstance(image, Tensor) else "transpose"
            raise InputError(
                f"image: expected (3, H, W), RGB, got {tuple(pixels.shape)}; transpose it with "
                f"image.{method}(2, 0, 1)"
            )
        pixels = pixels.permute(2, 0, 1)  # as Pillow, OpenCV and imageio return arrays
    if pixels.ndim != 3 or pixels.shape[0] != 3 or 0 in pixels.shape:
        raise InputError(f"image: expected (3, H, W), RGB, got {tuple(pixels.shape)}")
    in_range = pixels.is_floating_point() and pixels.min() >= 0 and pixels.max() <= 1
    if not (in_range or pixels.dtype == torch.uint8):
        values = pixels.double()  # some dtypes of torch have no min
        raise InputError(
            f"image: expected uint8 or floating-point values in 0..1, got {pixels.dtype} in "
            f"{values.min():g}..{values.max():g}"
        )
    return pixels


def read_image(path: str | Path) -> Tensor:
    """Load an image file of any format of Pillow, and HEIF with the extra `heif`.

    If a file has several frames or pages, the first one is loaded, with a warning.

    Args:
        path: The file.

    Returns:
        (3, H, W) uint8 RGB, as returned by `to_rgb`.

    Raises:
        UnreadableError: The file is not found, truncated, not an image, or larger than
            `MAX_PIXELS`.
    """
    try:
        with open_image(Path(path)) as image:
            _warn_of_frames(path, image)
            return to_rgb(image)
    except UnreadableError:
        raise
    except Exception as error:  # Pillow's readers raise anything on a broken file
        raise UnreadableError(
            f"{path}: cannot be read as an image ({first_line(error)})"
        ) from error


def _warn_of_frames(path: str | Path, image: Any) -> None:
    # not MPO (JPEG of phones), layers or sizes, whose first image is the complete one
    if image.format in _FRAMED and getattr(image, "is_animated", False):
        warnings.warn(
            f"{path}: has {image.n_frames} frames or pages; only the first one is read",
            stacklevel=3,
        )


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image file with Pillow, without decoding its pixels.

    Raises:
        UnreadableError: The file is not found, has an unsupported format, or is larger than
            `MAX_PIXELS`.
    """
    if not path.is_file():
        raise UnreadableError(f"{path}: file not found; expected an image")
    register_heif()
    with without_pixel_limit:
        try:
            image = Image.open(path)
        except UnidentifiedImageError as error:
            raise UnreadableError(str(unreadable(path, "unknown format"))) from error
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableError(
                    f"{path}: cannot be read as an image ({image.width}x{image.height} pixels are "
                    f"more than {MAX_PIXELS}; crop or resize it)"
                )
            yield image


def to_rgb(image: Image.Image) -> Tensor:
    """Convert a PIL image to (3, H, W) uint8 RGB, as displayed by image viewers.

    The EXIF orientation is applied, an embedded ICC profile is converted to sRGB, transparent
    pixels are composed over white, 16-bit values are scaled to 8 bits, and floating-point values
    are read as 0..1.

    Raises:
        InputError: The image has no pixels, or values out of range.
    """
    if 0 in image.size:
        raise InputError(f"expected an image with pixels, got {image.width}x{image.height} pixels")
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # the call copies the image
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _deep_gray(image)
    image = to_srgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return TF.pil_to_tensor(image if image.mode == "RGB" else image.convert("RGB"))


def _tensor(image: Tensor | NDArray[Any]) -> Tensor:
    if isinstance(image, Tensor):
        return image
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "biuf":
        kind = getattr(image, "dtype", type(image).__name__)
        raise InputError(
            f"image: expected a path, a PIL image, or a tensor or array of numbers, got {kind}"
        )
    # a copy: torch accepts neither negative strides (BGR reversed to RGB) nor foreign byte order
    return torch.from_numpy(image.astype(image.dtype.newbyteorder("=")))


def _decoded(image: Image.Image) -> Tensor:
    """Convert a PIL image, which may not have been decoded yet."""
    try:
        return to_rgb(image)
    except OSError as error:
        raise UnreadableError(f"image: cannot be decoded ({first_line(error)})") from error


def _deep_gray(image: Image.Image) -> Image.Image:
    """Convert gray of 16 bits (modes I and I;16) or floats (F) to 8 bits; keep the profile."""
    values = np.asarray(image).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65535.0
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= top):
        raise InputError(
            f"expected gray values in 0..{top:g} (mode {image.mode}), "
            f"got {values.min():g}..{values.max():g}; save it as an 8-bit image"
        )
    gray = Image.fromarray((values / top * 255).round().astype(np.uint8))
    gray.info = dict(image.info)
    return gray
