"""Frames of animated images (GIF, APNG, WebP, AVIF), and the number of pages of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ctal.errors import InputError, UnreadableError, first_line
from ctal.io.images import open_image, to_rgb
from ctal.io.video import Frame

_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_DEFAULT_DURATION = 100  # milliseconds, used by browsers for frames of duration 0


def is_animation(path: Path) -> bool:
    """Return whether an image file is animated, with several frames in time."""
    try:
        with open_image(path) as image:
            return image.format in _ANIMATED and getattr(image, "is_animated", False)
    except Exception:  # a broken file is reported when its pixels are read
        return False


def animation_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of an animated image.

    Raises:
        UnreadableError: The file cannot be read; if it is truncated, after the readable frames.
    """
    seconds = 0.0
    with open_image(path) as opened:
        image: Any = opened
        for index in range(image.n_frames):
            try:
                image.seek(index)
                pixels = to_rgb(image.copy())
            except InputError:
                raise
            except Exception as error:  # Pillow's readers raise anything on a broken file
                raise UnreadableError(
                    f"{path}: frame {index + 1} cannot be read ({first_line(error)})"
                ) from error
            yield Frame(pixels, seconds)
            seconds += (image.info.get("duration") or _DEFAULT_DURATION) / 1000
