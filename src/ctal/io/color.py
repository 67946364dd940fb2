"""Conversion of embedded ICC profiles to sRGB."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

# color spaces of profiles, and the corresponding modes of Pillow
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image from its embedded ICC profile to sRGB.

    Transparency is preserved. An image without a profile, or with a profile that is broken or has
    another color space than its pixels, is returned unchanged, which matches image viewers.

    Args:
        image: An image of 8 bits per channel.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES.get(source.profile.xcolor_space)
        colors = _in_space(image, mode)
        if mode is None or colors is None:
            return image
        converted = ImageCms.profileToProfile(
            colors, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if converted is None:
        return image
    if image.has_transparency_data:
        converted.putalpha(image.convert("RGBA").getchannel("A"))
    converted.info.pop("icc_profile", None)  # its pixels are sRGB now
    return converted


def _in_space(image: Image.Image, mode: str | None) -> Image.Image | None:
    """Return the pixels in the color space of a profile, opaque; None if they are not in it."""
    if image.mode == mode:
        return image
    if mode == "RGB" and image.mode in ("RGBA", "RGBX", "P", "PA"):
        return image.convert("RGB")
    if mode == "L" and image.mode in ("LA", "1"):
        return image.convert("L")
    return None
