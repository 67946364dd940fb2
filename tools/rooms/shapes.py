"""Triangle meshes of the basic shapes of all furniture.

Lengths are in meters and z points up. Texture coordinates are in meters too, so that a texture has
its real size on every part; only :func:`panel` spans 0..1, for pictures and window views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float, float]


@dataclass
class Mesh:
    """Triangle mesh.

    Attributes:
        vertices: (V, 3) positions in meters.
        normals: (V, 3) unit normals; vertices are duplicated at edges of the surface.
        uv: (V, 2) texture coordinates, in meters (0..1 for a panel).
        faces: (F, 3) vertex indices.
    """

    vertices: Floats
    normals: Floats
    uv: Floats
    faces: NDArray[np.int64]

    def moved(self, rotation: Floats, shift: Floats) -> Mesh:
        """Return the mesh rotated by ``rotation`` (3, 3) and then shifted by ``shift`` (3,)."""
        return Mesh(
            self.vertices @ rotation.T + shift, self.normals @ rotation.T, self.uv, self.faces
        )

    def bounds(self) -> Floats:
        """Return the axis-aligned bounding box, (2, 3): lowest and highest corner."""
        return np.stack([self.vertices.min(0), self.vertices.max(0)])


def merge(meshes: list[Mesh]) -> Mesh:
    """Merge meshes into one."""
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
    )


def turn_z(degrees: float) -> Floats:
    """Return the (3, 3) rotation about the vertical axis, counterclockwise seen from above."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def grid_mesh(points: Floats, normals: Floats, uv: Floats) -> Mesh:
    """Make a mesh from a (rows, columns, 3) grid of points with normals and (..., 2) uv."""
    rows, cols = points.shape[:2]
    index = np.arange(rows * cols).reshape(rows, cols)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces)


def box(lo: Point, hi: Point, upright: bool = False) -> Mesh:
    """Make a box between two corners.

    Args:
        lo: lowest corner in meters.
        hi: highest corner in meters.
        upright: keep v vertical on the sides (wallpaper); otherwise u follows the longer edge of
            each face, as wood grain does.
    """
    low, high = np.array(lo, float), np.array(hi, float)
    quads, normals, uvs = [], [], []
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        for side in (0, 1):
            corner = np.tile(high if side else low, (4, 1))
            corner[:, first] = [low[first], high[first], high[first], low[first]]
            corner[:, second] = [low[second], low[second], high[second], high[second]]
            quads.append(corner if side else corner[::-1])
            normals.append(np.tile(np.eye(3)[axis] * (1 if side else -1), (4, 1)))
            swap = high[first] - low[first] < high[second] - low[second]
            if upright and axis != 2:
                swap = first == 2
            uvs.append(quads[-1][:, [second, first] if swap else [first, second]])
    faces = np.concatenate([[[i, i + 1, i + 2], [i, i + 2, i + 3]] for i in range(0, 24, 4)])
    return Mesh(np.concatenate(quads), np.concatenate(normals), np.concatenate(uvs), faces)


def panel(width: float, height: float, y: float = 0.0) -> Mesh:
    """Make a vertical rectangle facing +y, centered at x = z = 0, with uv spanning 0..1."""
    x, z = np.meshgrid([width / 2, -width / 2], [-height / 2, height / 2])
    points = np.stack([x, np.full_like(x, y), z], -1)
    uv = np.stack(np.meshgrid([0.0, 1.0], [1.0, 0.0]), -1)
    return grid_mesh(points, np.broadcast_to([0.0, 1.0, 0.0], points.shape), uv)
