"""A depth map as a 3-D surface: a mesh in the colors of the image, as GLB."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from ctal.data.camera import Camera
from ctal.demo.glb import glb

FIELD_OF_VIEW = 60.0
"""Assumed horizontal field of view, in degrees; an image does not contain it."""

_FINEST = 192  # vertices along the longer side
_AXES = np.array([1, -1, -1], np.float32)  # of glTF: y up, z toward the camera
_JUMP = 1.12  # ratio of depths of neighbors above which they are two surfaces


def surface(depth: Tensor, image: Tensor) -> bytes:
    """Return the surface of a depth map as the content of a .glb file.

    The camera has `FIELD_OF_VIEW`; the surface has gaps where the depth jumps, and the colors of
    the image, without lighting.

    Args:
        depth: (1, H, W), meters along the optical axis.
        image: (3, H, W) uint8.
    """
    share = min(1.0, _FINEST / max(depth.shape[-2:]))
    size = [max(2, round(side * share)) for side in depth.shape[-2:]]
    # nearest: a depth between two surfaces does not exist
    depths = TF.resize(depth, size, InterpolationMode.NEAREST_EXACT)[0].numpy()
    colors = TF.resize(image, size, antialias=True).movedim(0, -1).numpy()
    height, width = size
    focal = width / 2 / math.tan(math.radians(FIELD_OF_VIEW / 2))
    camera = Camera(focal, focal, (width - 1) / 2, (height - 1) / 2)
    points = camera.points(depths).reshape(-1, 3) * _AXES
    opaque = np.full((height * width, 1), 255, np.uint8)
    return glb(points, np.hstack([_linear(colors.reshape(-1, 3)), opaque]), _triangles(depths))


def _triangles(depths: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return (N, 3) indices of vertices: two triangles for four neighbors on one surface."""
    index = np.arange(depths.size, dtype=np.uint32).reshape(depths.shape)
    corners = np.stack([_corners(index)[place] for place in range(4)], axis=-1)
    around = np.stack(_corners(depths), axis=-1)
    whole = corners[around.max(axis=-1) < _JUMP * around.min(axis=-1)]
    return np.concatenate([whole[:, [0, 2, 1]], whole[:, [1, 2, 3]]])


def _corners(maps: NDArray[Any]) -> list[NDArray[Any]]:
    return [maps[:-1, :-1], maps[:-1, 1:], maps[1:, :-1], maps[1:, 1:]]


def _linear(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert sRGB to linear colors, as glTF has them at vertices."""
    return (255 * (colors / 255) ** 2.2).round().astype(np.uint8)
