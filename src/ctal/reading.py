"""Deprecated alias of `ctal.io.images`, for scripts that import the former module."""

from __future__ import annotations

from ctal.io.images import ImageLike as Picture
from ctal.io.images import as_rgb, to_rgb
from ctal.io.images import read_image as read_picture

__all__ = ["Picture", "as_rgb", "read_picture", "to_rgb"]
