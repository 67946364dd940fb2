"""Denoising of path-traced images, guided by the geometry.

Non-local means on irradiance (radiance divided by albedo, so that textures stay sharp), with
distances relative to the noise: Rousselle, Knaus and Zwicker, "Adaptive rendering with non-local
means filtering" (2012); the guides follow "Robust denoising using feature and color information"
(2013) by Rousselle, Manzi and Zwicker. Pixels on different planes are not mixed.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter, uniform_filter

from tools.rooms.shapes import Floats

RADIUS = 5  # pixels
STRENGTH = 1.0  # distance in standard deviations of the noise up to which pixels are averaged


def calm(buffers: Floats) -> Floats:
    """Clamp fireflies to twice the brightest median of the neighborhood.

    Args:
        buffers: (K, H, W, 3) independent renderings, linear.
    """
    limit = maximum_filter(np.median(buffers, axis=0), size=(3, 3, 1))
    return np.minimum(buffers, 2.0 * limit + 1e-6)


def _shifted(image: Floats, dy: int, dx: int) -> Floats:
    """Return the image (H, W, ...) with ``image[y + dy, x + dx]`` at (y, x), edges repeated."""
    h, w = image.shape[:2]
    rows, cols = np.clip(np.arange(h) + dy, 0, h - 1), np.clip(np.arange(w) + dx, 0, w - 1)
    return image[rows[:, None], cols[None, :]]


def denoise(buffers: Floats, albedo: Floats, normals: Floats, points: Floats) -> Floats:
    """Combine renderings of a view to a denoised image.

    Args:
        buffers: (K, H, W, 3) independent renderings, linear.
        albedo: (H, W, 3) reflectance of the surfaces.
        normals: (H, W, 3) unit normals.
        points: (H, W, 3) positions in meters, in the same axes.

    Returns:
        Linear RGB (H, W, 3).
    """
    albedo = albedo + 0.03
    light = calm(buffers) / albedo
    mean = light.mean(0)
    variance = uniform_filter(light.var(0, ddof=1) / len(light), size=(5, 5, 1))
    floor = 1e-4 * (mean**2 + mean.mean() ** 2)
    reach = 0.015 * np.linalg.norm(points, axis=-1) + 0.005
    total, weights = np.zeros_like(mean), np.zeros(mean.shape[:2])
    for dy in range(-RADIUS, RADIUS + 1):
        for dx in range(-RADIUS, RADIUS + 1):
            other, noise = _shifted(mean, dy, dx), _shifted(variance, dy, dx)
            gap = (mean - other) ** 2 - (variance + np.minimum(variance, noise))
            gap = (gap / (floor + STRENGTH**2 * (variance + noise))).mean(-1)
            alike = np.exp(-np.maximum(uniform_filter(gap, 3), 0))
            step = _shifted(points, dy, dx) - points
            off_plane = np.abs((step * normals).sum(-1)) / reach
            turned = ((_shifted(normals, dy, dx) - normals) ** 2).sum(-1) / 0.1
            tinted = ((_shifted(albedo, dy, dx) - albedo) ** 2).sum(-1) / 0.02
            weight = alike * np.exp(-(off_plane**2) - turned - tinted)
            total += weight[..., None] * other
            weights += weight
    return total / weights[..., None] * albedo
