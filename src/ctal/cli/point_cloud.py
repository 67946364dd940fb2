"""Point clouds from depth maps, as PLY files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from torch import Tensor

from ctal.errors import InputError
from ctal.io.atomic import write_whole

if TYPE_CHECKING:
    from ctal.data.camera import Camera

_HEADER = """ply
format binary_little_endian 1.0
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""
_VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])


def camera_of(intrinsics: Sequence[float]) -> Camera:
    """Build a pinhole camera from fx, fy, cx and cy.

    Raises:
        InputError: these are not four numbers, or fx or fy is <= 0.
    """
    from ctal.data.camera import Camera  # imports lightning, which takes seconds

    try:
        fx, fy, cx, cy = intrinsics
        return Camera(fx, fy, cx, cy)
    except ValueError as error:
        raise InputError(
            "intrinsics: expected fx fy cx cy, in pixels of the image, fx and fy > 0, got "
            f"{' '.join(map(str, intrinsics))}"
        ) from error


def check_center(camera: Camera, image: Tensor) -> None:
    """Check that the center of a camera is in an image (3, H, W).

    Raises:
        InputError: it is not.
    """
    height, width = image.shape[-2:]
    if not (0 <= camera.cx <= width and 0 <= camera.cy <= height):
        raise InputError(
            f"intrinsics: expected cx in 0..{width} and cy in 0..{height}, within the image, got "
            f"{camera.cx:g} {camera.cy:g}; scale the numbers of a camera with the image"
        )


def save_ply(depth: Tensor, image: Tensor, camera: Camera, path: Path) -> None:
    """Write the points of a depth map, each with the color of its pixel, as a binary PLY file.

    Args:
        depth: (H, W), meters.
        image: (3, H, W) uint8.
        camera: intrinsics of the image, at its size.
        path: the file.

    Raises:
        InputError: the file cannot be written.
    """
    vertices = np.empty(depth.numel(), dtype=_VERTEX)
    vertices["xyz"] = camera.points(depth.numpy()).reshape(-1, 3)
    vertices["rgb"] = image.flatten(1).T.numpy()

    def write(file: BinaryIO) -> None:
        file.write(_HEADER.format(count=len(vertices)).encode())
        file.write(vertices.tobytes())

    write_whole(path, write)
