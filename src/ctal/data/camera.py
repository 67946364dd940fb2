"""The pinhole camera of images and depth maps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctal.errors import InputError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: pixel (u, v) shows the point Z ((u - cx) / fx, (v - cy) / fy, 1).

    u counts columns, v rows, both from 0 at the center of the first pixel. Axes: x right, y down,
    z into the scene; Z is the depth. The parameters are valid for one image size: `size`, if given,
    from which they are scaled to that of an image or a map.

    Args:
        fx: Horizontal focal length, pixels.
        fy: Vertical focal length, pixels.
        cx: Column of the principal point.
        cy: Row of the principal point.
        size: (H, W) of the images for which the parameters are valid. None: that of any image or
            map with which the camera is used.

    Raises:
        InputError: A parameter is not finite, or a focal length or `size` is <= 0.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not (all(map(math.isfinite, values)) and self.fx > 0 and self.fy > 0):
            raise InputError(f"camera: expected finite fx, fy > 0, cx, cy in pixels, got {values}")
        if self.size is not None and min(self.size) < 1:
            raise InputError(f"camera: size: expected height and width >= 1, got {self.size}")

    def for_size(self, height: int, width: int) -> Camera:
        """Return the camera of the same view in images of another size; itself without a `size`."""
        if self.size in (None, (height, width)):
            return self
        assert self.size is not None
        y, x = height / self.size[0], width / self.size[1]
        # the edges of the images are at -0.5 and at their length - 0.5
        cx, cy = (self.cx + 0.5) * x - 0.5, (self.cy + 0.5) * y - 0.5
        return Camera(self.fx * x, self.fy * y, cx, cy, (height, width))

    def points(self, depth: Floats) -> Floats:
        """Back-project a depth map (H, W), meters, to points (H, W, 3), meters."""
        camera = self.for_size(*depth.shape)
        v, u = np.indices(depth.shape, dtype=np.float32)
        x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
        return np.stack([depth * x, depth * y, depth], axis=-1).astype(np.float32)
