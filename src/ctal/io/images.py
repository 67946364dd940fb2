"""Any picture a person may have, as RGB: grey, palette, alpha, 16 bits, turned by its camera."""

from __future__ import annotations

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

ImageLike = str | Path | Image.Image | Tensor | NDArray[Any]
"""What `as_rgb` takes as a picture."""

MAX_PIXELS = 1 << 29
"""Of a picture in a file: 23,170 x 23,170, 1.6 GB as RGB. A small file can claim any size."""


def as_rgb(image: ImageLike) -> Tensor:
    """Any form of picture that `Model.predict` takes, as (3, H, W), RGB, uint8 or float in 0..1."""
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Image.Image):
        return _decoded(image)
    pixels = _tensor(image)
    if pixels.ndim != 3 or pixels.shape[0] != 3 or 0 in pixels.shape:
        raise InputError(f"image: expected (3, H, W), RGB, got {tuple(pixels.shape)}")
    in_range = pixels.is_floating_point() and pixels.min() >= 0 and pixels.max() <= 1
    if not (in_range or pixels.dtype == torch.uint8):
        values = pixels.double()  # not all of torch's types have a smallest value
        raise InputError(
            f"image: expected uint8 or floating-point values in 0..1, got {pixels.dtype} in "
            f"{values.min():g}..{values.max():g}"
        )
    return pixels


def _tensor(image: Tensor | NDArray[Any]) -> Tensor:
    if isinstance(image, Tensor):
        return image
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "biuf":
        kind = getattr(image, "dtype", type(image).__name__)
        raise InputError(
            f"image: expected a path, a PIL picture, or a tensor or array of numbers, got {kind}"
        )
    # a copy, since torch takes neither negative strides, such as those of a picture turned to RGB,
    # nor another machine's order of bytes
    return torch.from_numpy(image.astype(image.dtype.newbyteorder("=")))


def _decoded(image: Image.Image) -> Tensor:
    """A PIL picture, whose file may not have been read yet."""
    try:
        return to_rgb(image)
    except OSError as error:
        raise UnreadableError(f"image: cannot be decoded ({first_line(error)})") from error


def read_image(path: str | Path) -> Tensor:
    """Reads a picture of any format that PIL knows.

    Returns:
        (3, H, W) uint8 RGB, as `to_rgb` makes it.

    Raises:
        UnreadableError: the file is missing, truncated, no picture, or too large to be one.
    """
    if not Path(path).is_file():
        raise UnreadableError(f"{path}: no such file; expected a picture")
    try:
        with _all_sizes(), Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{image.width}x{image.height} pixels are more than {MAX_PIXELS}; cut or "
                    "shrink it"
                )
            return to_rgb(image)
    except Exception as error:  # PIL's readers raise whatever a broken file makes them stumble over
        reason = first_line(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "of no format that PIL knows"
        raise UnreadableError(f"{path}: cannot be read as a picture ({reason})") from error


def to_rgb(image: Image.Image) -> Tensor:
    """Turns a PIL picture into (3, H, W) uint8 RGB.

    The camera's orientation (EXIF) is applied; transparent parts are laid over white; 16-bit values
    are scaled, not clipped, to 8 bits; floating-point values are taken as 0..1.

    Raises:
        InputError: the picture has no pixels, or values whose range is not known.
    """
    if 0 in image.size:
        raise InputError(f"a picture of {image.width}x{image.height} pixels has nothing to show")
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # which copies it
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return TF.pil_to_tensor(image if image.mode == "RGB" else image.convert("RGB"))


@contextmanager
def _all_sizes() -> Iterator[None]:
    """Lets PIL read pictures above its own limit, of which `MAX_PIXELS` takes the place."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _deep_grey(image: Image.Image) -> Image.Image:
    """An 8-bit grey picture from one of 16 bits (modes I and I;16) or of floats (F)."""
    values = np.asarray(image).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65535.0
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= top):
        raise InputError(
            f"expected grey values in 0..{top:g} (mode {image.mode}), "
            f"got {values.min():g}..{values.max():g}; save it as an 8-bit picture"
        )
    return Image.fromarray((values / top * 255).round().astype(np.uint8))
