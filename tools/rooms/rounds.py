"""Triangle meshes of round shapes: revolutions, bars, cushions and leaves; lengths in meters."""

from __future__ import annotations

import numpy as np

from tools.rooms.shapes import Floats, Mesh, Point, grid_mesh, merge


def lathe(profile: list[tuple[float, float]], smooth: bool = False, segments: int = 20) -> Mesh:
    """Make a solid of revolution about the z axis.

    Args:
        profile: (radius, height) pairs from bottom to top, in meters.
        smooth: interpolate normals along the profile (a vase), or keep its edges (a pot).
        segments: number of faces around the axis; normals are interpolated around it.
    """
    line = np.array(profile, float)
    step = np.diff(line, axis=0)
    across = np.stack([step[:, 1], -step[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-12
    corner = np.concatenate([across[:1], across[:-1] + across[1:], across[-1:]])
    corner /= np.linalg.norm(corner, axis=1, keepdims=True) + 1e-12
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    strips = []
    for i in range(len(step)):
        normal = corner[i : i + 2] if smooth else np.stack([across[i]] * 2)
        radius, height = line[i : i + 2, 0], line[i : i + 2, 1]
        points = np.concatenate(
            [
                radius[:, None, None] * ring,
                np.broadcast_to(height[:, None, None], (2, len(ring), 1)),
            ],
            -1,
        )
        normals = np.concatenate(
            [normal[:, :1, None] * ring, np.broadcast_to(normal[:, 1:, None], (2, len(ring), 1))],
            -1,
        )
        around = np.broadcast_to(angle * line[:, 0].max(), (2, len(ring)))
        uv = np.stack([np.broadcast_to(height[:, None], around.shape), around], -1)
        strips.append(grid_mesh(points, normals, uv))
    return merge(strips)


def tube(start: Point, end: Point, radius: float, end_radius: float | None = None) -> Mesh:
    """Make a closed round bar from ``start`` to ``end``, tapered to ``end_radius`` if given."""
    origin = np.array(start, float)
    along = np.array(end, float) - origin
    length = float(np.linalg.norm(along))
    last = radius if end_radius is None else end_radius
    mesh = lathe([(0, 0), (radius, 0), (last, length), (0, length)], segments=12)
    z = along / length
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return mesh.moved(np.stack([x, np.cross(z, x), z], 1), origin)


def cushion(lo: Point, hi: Point, roundness: float = 0.35, segments: int = 24) -> Mesh:
    """Make a box with rounded edges (a superellipsoid), for cushions, mattresses and duvets.

    Args:
        lo: lowest corner in meters.
        hi: highest corner in meters.
        roundness: 0 is a box, 1 an ellipsoid.
        segments: number of faces around the vertical axis.
    """

    def power(x: Floats, exponent: float) -> Floats:
        return np.sign(x) * np.abs(x) ** exponent

    half = (np.array(hi, float) - np.array(lo, float)) / 2
    v, u = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1),
        np.linspace(-np.pi, np.pi, segments + 1) + np.pi / 4,
        indexing="ij",
    )

    def surface(exponent: float) -> Floats:
        flat = power(np.cos(v), exponent)
        return np.stack(
            [
                flat * power(np.cos(u), exponent),
                flat * power(np.sin(u), exponent),
                power(np.sin(v), exponent),
            ],
            -1,
        )

    points = surface(roundness) * half
    normals = surface(2 - roundness) / half
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    center = (np.array(hi, float) + np.array(lo, float)) / 2
    return grid_mesh(points + center, normals, points[..., :2] + points[..., 2:])


def blade(start: Floats, heading: float, length: float, width: float, rise: float) -> Mesh:
    """Make a drooping leaf.

    Args:
        start: (3,) position of its base in meters.
        heading: direction in the ground plane, in radians.
        length: length in meters.
        width: maximum width in meters.
        rise: slope at the base; 0 is horizontal and 2 is steep.
    """
    t = np.linspace(0, 1, 6)
    out = np.array([np.cos(heading), np.sin(heading), 0.0])
    side = np.array([-np.sin(heading), np.cos(heading), 0.0])
    level = length / np.hypot(1, rise * 0.6)
    spine = start + level * (t[:, None] * out + (rise * (t - 0.6 * t**2))[:, None] * np.eye(3)[2])
    half = (width / 2 * np.sin(np.pi * (0.08 + 0.92 * t)) ** 0.8)[:, None] * side
    points = np.stack([spine - half, spine + half], 1)
    slope = np.gradient(spine, axis=0)
    normal = np.cross(slope, side)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal *= np.sign(normal[:, 2:] + 1e-9)
    uv = np.stack(np.meshgrid([0.0, width], t * length), -1)
    return grid_mesh(points, np.stack([normal, normal], 1), uv)
