"""Any picture a person may have, as RGB: grey, palette, alpha, 16 bits, turned by its camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError


def read_picture(path: str | Path) -> Tensor:
    """Reads a picture of any format that PIL knows.

    Returns:
        (3, H, W) uint8 RGB, as `to_rgb` makes it.

    Raises:
        InputError: the file is missing, truncated, no picture, or too large to be one.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a picture")
    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except Exception as error:  # PIL's readers raise whatever a broken file makes them stumble over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "of no format that PIL knows"
        raise InputError(f"{path}: cannot be read as a picture ({reason})") from error


def to_rgb(image: Image.Image) -> Tensor:
    """Turns a PIL picture into (3, H, W) uint8 RGB.

    The camera's orientation (EXIF) is applied; transparent parts are laid over white; 16-bit values
    are scaled, not clipped, to 8 bits; floating-point values are taken as 0..1.

    Raises:
        InputError: the picture has no pixels, or values whose range is not known.
    """
    if 0 in image.size:
        raise InputError(f"a picture of {image.width}x{image.height} pixels has nothing to show")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return TF.pil_to_tensor(image.convert("RGB"))


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
