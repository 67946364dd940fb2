"""Planes fitted to windows, compared with the direct formula: a loop over the pixels of windows."""

import numpy as np
import pytest

from ctal.data import Camera, Rooms
from ctal.data.geometry import normals_from_depth

CAMERA = Camera(fx=60.0, fy=62.0, cx=31.0, cy=22.5)


def direct_normals(depth, camera, radius, jump):
    """Return normals by the formula of `normals_from_depth`, one offset after the other."""
    count = min(7, 2 * radius + 1)
    offsets = [round(step) for step in np.linspace(-radius, radius, count)]
    known = np.isfinite(depth) & (depth > 0)
    inverse = np.where(known, 1 / np.where(known, depth, 1), 0).astype(np.float32)
    flat = np.zeros_like(inverse)
    first, _ = direct_planes(inverse, (flat, flat, inverse), jump * inverse, offsets)
    (a, b, c), share = direct_planes(inverse, first, 0.4 * jump * inverse, offsets)
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]]
    m = np.stack([a * camera.fx, b * camera.fy], axis=-1).astype(np.float64)
    m = np.dstack([m, c - a * (u - camera.cx) - b * (v - camera.cy)])
    length = np.linalg.norm(m, axis=-1, keepdims=True)
    fitted = known & (share >= 0.25) & (c > 0)
    return np.where(fitted[..., None], -m / np.where(length > 0, length, 1), 0)


def direct_planes(inverse, guess, tolerance, offsets):
    """Return planes (a, b, c) in float32, and the share of inliers."""
    reach, (height, width) = max(offsets), inverse.shape
    padded = np.pad(inverse, reach)
    sums = np.zeros((9, height, width), np.float32)
    for dv in offsets:
        row = np.zeros((5, height, width), np.float32)
        for du in offsets:
            seen = padded[reach + dv :, reach + du :][:height, :width]
            expected = guess[2] + guess[0] * np.float32(du) + guess[1] * np.float32(dv)
            used = ((seen > 0) & (np.abs(seen - expected) <= tolerance)).astype(np.float32)
            powers = np.array([1, du, du * du], np.float32)[:, None, None]
            row[:3] += powers * used
            row[3:] += powers[:2] * ((seen - inverse) * used)
        n, u, uu, w, uw = row
        sums += np.stack([n, u, dv * n, uu, dv * u, dv * dv * n, w, uw, dv * w])
    n, u, v, uu, uv, vv, w, uw, vw = sums
    n = np.maximum(n, 1)
    uu, uv, vv, uw, vw = (
        uu - u * u / n,
        uv - u * v / n,
        vv - v * v / n,
        uw - u * w / n,
        vw - v * w / n,
    )
    determinant = uu * vv - uv * uv
    determined = determinant > 0.05 * uu * vv
    divisor = np.where(determined, determinant, 1)
    a = np.where(determined, (vv * uw - uv * vw) / divisor, 0)
    b = np.where(determined, (uu * vw - uv * uw) / divisor, 0)
    c = inverse + (w - a * u - b * v) / n
    return (a, b, c), np.where(determined, sums[0] / len(offsets) ** 2, 0)


def noisy_scene(size):
    """Return the depth of a curved surface with a step, noise, holes and invalid values."""
    random = np.random.default_rng(0)
    v, u = np.mgrid[: size[0], : size[1]] / max(size)
    depth = 2 + u + 0.5 * v + (u > 0.5) + 0.3 * np.sin(12 * u) * np.cos(15 * v)
    depth *= 1 + random.normal(0, 0.004, size)
    depth[random.random(size) < 0.03] = 0
    depth[: size[0] // 8, : size[1] // 8] = np.nan
    depth[-1, -1] = np.inf
    return depth.astype(np.float32)


def compare(depth, camera, radius, jump=0.05):
    expected = direct_normals(depth, camera, radius, jump)
    found = normals_from_depth(depth, camera, radius=radius, jump=jump)
    labelled = expected.any(-1)
    assert labelled.any()
    assert np.array_equal(found.any(-1), labelled)
    chords = np.linalg.norm(found.astype(np.float64) - expected, axis=-1)[labelled]
    assert np.rad2deg(2 * np.arcsin(chords / 2)).max() < 0.01


@pytest.mark.parametrize("radius", [1, 2, 3, 6, 10])
@pytest.mark.parametrize("jump", [0.03, 0.05, 0.6])
def test_normals_are_those_of_the_direct_formula(radius, jump):
    compare(noisy_scene((48, 64)), CAMERA, radius, jump)


@pytest.mark.parametrize("size", [(200, 300), (12, 9000), (2100, 9)])
def test_wide_and_high_images(size):
    f = float(max(size))
    compare(noisy_scene(size), Camera(f, f, size[1] / 2, size[0] / 2), 5)


def test_the_depth_of_rooms():
    rooms = Rooms("val")
    for index in range(0, len(rooms), 16):
        compare(rooms[index]["depth"][0].numpy(), Camera(100.0, 100.0, 63.5, 47.5), 2)
