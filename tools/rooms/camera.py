"""Pinhole cameras: sampling in a room, and rays through pixel centers.

Camera axes: x right, y down, z into the scene. World axes: z up. Lengths are in meters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tools.rooms.parts import Room
from tools.rooms.shapes import Floats


@dataclass(frozen=True, eq=False)
class Camera:
    """Pinhole camera in a room.

    Attributes:
        position: (3,) in meters, world axes.
        rotation: (3, 3) camera to world; its columns are the camera's right, down and forward axes.
        fov: horizontal field of view in degrees.
    """

    position: Floats
    rotation: Floats
    fov: float

    def intrinsics(self, width: int, height: int) -> dict[str, float]:
        """Return fx, fy, cx and cy in pixels; the center of the first pixel is (0, 0)."""
        focal = width / 2 / float(np.tan(np.deg2rad(self.fov / 2)))
        return {"fx": focal, "fy": focal, "cx": (width - 1) / 2, "cy": (height - 1) / 2}

    def rays(self, width: int, height: int) -> Floats:
        """Return the rays through the pixel centers, (H, W, 3), in camera axes with z = 1."""
        k = self.intrinsics(width, height)
        x, y = np.meshgrid(
            (np.arange(width) - k["cx"]) / k["fx"], (np.arange(height) - k["cy"]) / k["fy"]
        )
        return np.stack([x, y, np.ones_like(x)], -1)


def aimed(position: Floats, yaw: float, pitch: float, roll: float, fov: float) -> Camera:
    """Make a camera from angles.

    Args:
        position: (3,) in meters.
        yaw: direction in the ground plane in degrees, counterclockwise from the world's x axis.
        pitch: upwards in degrees.
        roll: clockwise turn about the viewing axis in degrees.
        fov: horizontal field of view in degrees.
    """
    y, p, r = np.deg2rad([yaw, pitch, roll])
    forward = np.array([np.cos(p) * np.cos(y), np.cos(p) * np.sin(y), np.sin(p)])
    right = np.array([np.sin(y), -np.cos(y), 0.0])
    down = np.cross(forward, right)
    rolled = np.cos(r) * right + np.sin(r) * down, np.cos(r) * down - np.sin(r) * right
    return Camera(np.asarray(position, float), np.stack([*rolled, forward], 1), fov)


def draw(rng: Generator, room: Room, clearance: float = 0.3) -> Camera:
    """Sample a camera in the free space of a room, directed towards its far side.

    Args:
        rng: random number generator.
        room: the furnished room.
        clearance: minimum distance in meters to the bounding boxes of all furniture.
    """
    boxes = np.stack([item.bounds() for item in room.items])
    while True:
        spot = np.array([*rng.uniform(0.35, room.size[:2] - 0.35), rng.uniform(0.9, 1.9)])
        gap = np.maximum(boxes[:, 0] - spot, spot - boxes[:, 1]).max(1)
        if (gap > clearance).all():
            break
    # A random target in the inner room favors long views over nearby walls.
    target = rng.uniform(0.2, 0.8, 2) * room.size[:2]
    away = target - spot[:2]
    yaw = float(np.rad2deg(np.arctan2(away[1], away[0]))) + rng.normal(0, 10)
    pitch = rng.uniform(-22, 4) if spot[2] > 1.3 else rng.uniform(-14, 6)
    return aimed(spot, yaw, pitch, rng.normal(0, 1.0), rng.uniform(55, 75))
