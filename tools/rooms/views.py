"""Selection of the views of a room, and conversion of radiance to images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.rooms import camera
from tools.rooms.camera import Camera
from tools.rooms.denoise import denoise
from tools.rooms.layout import SEED
from tools.rooms.parts import CLASSES, Room
from tools.rooms.render import Scene
from tools.rooms.shapes import Floats

LEAST_DEPTH = 0.35  # meters
LEAST_CLASSES = 5
LARGEST_SHARE = 0.6  # maximum share of one class in a view
TRIES = 32


def score(scene: Scene, view: Camera) -> float:
    """Score a view by a coarse rendering; a negative score rejects the view."""
    depth, _, labels = scene.truth(view, 24, 18)
    shares = np.bincount(labels.ravel(), minlength=len(CLASSES)) / labels.size
    classes = int((shares > 0.005).sum())
    if depth.min() < LEAST_DEPTH or classes < LEAST_CLASSES or shares.max() > LARGEST_SHARE:
        return -1.0
    # Objects count more than walls, since a network has to distinguish them.
    return classes + 6.0 * float(shares[3:].sum()) + 0.5 * float(np.median(depth))


def choose(scene: Scene, room: Room, seed: int, count: int) -> list[Camera]:
    """Choose ``count`` good views that differ in position or direction."""
    rng = np.random.default_rng([SEED, seed, 1])
    rated: list[tuple[float, Camera]] = []
    while len(rated) < TRIES:
        view = camera.draw(rng, room)
        value = score(scene, view)
        if value > 0:
            rated.append((value, view))
    rated.sort(key=lambda pair: -pair[0])
    kept: list[Camera] = []
    apart = 1.8
    while len(kept) < count:
        for _, view in rated:
            if len(kept) < count and all(difference(view, other) > apart for other in kept):
                kept.append(view)
        apart *= 0.8
    return kept


def difference(a: Camera, b: Camera) -> float:
    """Return the distance between two views: meters plus the angle between them in radians."""
    angle = np.arccos(np.clip(a.rotation[:, 2] @ b.rotation[:, 2], -1, 1))
    return float(np.linalg.norm(a.position - b.position) + angle)


@dataclass(frozen=True, eq=False)
class View:
    """View as it is stored.

    Attributes:
        image: (H, W, 3) sRGB, 8 bit.
        labels: (H, W) class ids.
        depth: (H, W) in meters along the optical axis.
        normals: (H, W, 3) unit normals in camera axes, facing the camera.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    depth: Floats
    normals: Floats


def shoot(scene: Scene, view: Camera, size: tuple[int, int], spp: int, seed: int) -> View:
    """Render a view and its ground truth.

    Args:
        scene: the loaded room.
        view: the camera.
        size: height and width in pixels.
        spp: samples per pixel.
        seed: seed of the sampler.
    """
    height, width = size
    depth, normals, labels = scene.truth(view, width, height)
    buffers = scene.radiance(view, width, height, spp, seed)
    albedo = scene.albedo(view, width, height)
    points = view.rays(width, height) * depth[..., None]
    return View(expose(denoise(buffers, albedo, normals, points)), labels, depth, normals)


def expose(radiance: Floats, exposure: float = 1.0) -> NDArray[np.uint8]:
    """Convert linear radiance (H, W, 3) to an 8-bit sRGB image with automatic exposure.

    The log-average luminance is mapped to middle gray, times `exposure`, and a filmic tone curve
    prevents clipping of lamps and windows.
    """
    luminance = radiance @ np.array([0.2126, 0.7152, 0.0722])
    key = np.exp(np.log(luminance + 1e-3 * luminance.mean() + 1e-9).mean())
    x = radiance * (0.30 * exposure / key)
    # Fit of the ACES curve by Narkowicz (2015): y = x (2.51 x + 0.03) / (x (2.43 x + 0.59) + 0.14).
    x = x * 0.6
    y = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    srgb = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
