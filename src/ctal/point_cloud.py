"""Depth as points in space, in a file that 3-D viewers open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.files import write_whole

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


def check_intrinsics(intrinsics: Sequence[float]) -> None:
    """Raises InputError unless these are the four numbers of a pinhole camera."""
    usable = len(intrinsics) == 4 and min(intrinsics[:2]) > 0
    if not (usable and all(np.isfinite(intrinsics))):
        raise InputError(
            "intrinsics: expected fx fy cx cy, in pixels of the picture, fx and fy above 0, got "
            f"{' '.join(map(str, intrinsics))}"
        )


def points(depth: Tensor, intrinsics: Sequence[float]) -> Tensor:
    """Where the pixels of a depth map are in space.

    x is to the right, y down, z forward, as in OpenCV: of pixel (column u, row v), counted from 0
    at the centre of the one at the top left, x = (u - cx) z / fx and y = (v - cy) z / fy.

    Args:
        depth: (H, W), metres along the camera's axis.
        intrinsics: fx, fy, cx, cy in pixels.

    Returns:
        (H, W, 3) float32, metres.
    """
    fx, fy, cx, cy = intrinsics
    H, W = depth.shape
    v, u = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    return torch.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth], dim=-1).float()


def save_ply(depth: Tensor, picture: Tensor, intrinsics: Sequence[float], path: Path) -> None:
    """Writes the points of a depth map, each with its pixel's colour, as a binary PLY file.

    Args:
        depth: (H, W), metres.
        picture: (3, H, W) uint8.
        intrinsics: as in `points`.
        path: the file.

    Raises:
        InputError: the place cannot be written.
    """
    vertices = np.empty(depth.numel(), dtype=_VERTEX)
    vertices["xyz"] = points(depth, intrinsics).reshape(-1, 3).numpy()
    vertices["rgb"] = picture.flatten(1).T.numpy()

    def write(file: BinaryIO) -> None:
        file.write(_HEADER.format(count=len(vertices)).encode())
        file.write(vertices.tobytes())

    write_whole(path, write)
