"""Procedural textures of wood, cloth, tiles, wallpaper, pictures and window views.

A color is (3,), sRGB in 0..1. A texture is (H, W, 3), sRGB in 0..1, and tiles seamlessly, except
for pictures and window views.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter

from tools.rooms.shapes import Floats

SIZE = 128


def noise(rng: Generator, across: float, along: float, size: int = SIZE) -> Floats:
    """Return seamless smooth noise (size, size) with mean 0 and standard deviation 1.

    Args:
        rng: random number generator.
        across: blur over rows, in pixels.
        along: blur over columns, in pixels.
        size: side length in pixels.
    """
    field = gaussian_filter(rng.standard_normal((size, size)), (across, along), mode="wrap")
    return (field - field.mean()) / (field.std() + 1e-9)


def tint(color: Floats, shade: Floats) -> Floats:
    """Multiply a color (3,) by a shade map (H, W), clipped to 0..1."""
    return np.clip(color * shade[..., None], 0, 1)


def plaster(rng: Generator, color: Floats) -> Floats:
    """Generate plaster: faint clouds and a fine grain."""
    return tint(color, 1 + 0.01 * noise(rng, 12, 12) + 0.015 * noise(rng, 0.7, 0.7))


def wood(rng: Generator, color: Floats) -> Floats:
    """Generate wood with its grain along the columns."""
    row = np.arange(SIZE)[:, None] / SIZE
    rings = np.sin(2 * np.pi * (7 * row + 0.5 * noise(rng, 18, 60)))
    fibre = noise(rng, 0.7, 25)
    return tint(color, 1 + 0.10 * rings + 0.07 * fibre)


def planks(rng: Generator, color: Floats, boards: int = 8) -> Floats:
    """Generate floor boards along the columns, each with its own tone and two joints."""
    image = wood(rng, color)
    height = SIZE // boards
    for i in range(boards):
        rows = slice(i * height, (i + 1) * height)
        image[rows] = np.roll(image[rows], int(rng.integers(SIZE)), axis=1)
        image[rows] *= 1 + 0.13 * rng.standard_normal()
        image[i * height] *= 0.45
        joint = int(rng.integers(SIZE))
        image[rows, [joint, (joint + SIZE // 2) % SIZE]] *= 0.5
    return np.clip(image, 0, 1)


def tiles(rng: Generator, color: Floats, other: Floats, count: int = 4) -> Floats:
    """Generate square tiles with grout, in one color or a checkerboard of two."""
    cell = SIZE // count
    row, col = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    checker = ((row // cell + col // cell) % 2)[..., None]
    tone = 1 + 0.05 * rng.standard_normal((count, count)).repeat(cell, 0).repeat(cell, 1)
    image = tint(np.ones(3), tone + 0.03 * noise(rng, 6, 6)) * np.where(checker, color, other)
    grout = (row % cell < 2) | (col % cell < 2)
    image[grout] = 0.62 * image.mean()
    return image


def stripes(rng: Generator, color: Floats, other: Floats, count: int = 8) -> Floats:
    """Generate stripes along the rows, for wallpaper and cloth."""
    phase = (np.arange(SIZE) * count / SIZE) % 1.0
    wide = (phase < rng.uniform(0.3, 0.6)) | ((phase > 0.75) & (phase < 0.82))
    image = np.where(wide[None, :, None], color, other) * np.ones((SIZE, 1, 1))
    return np.clip(image * (1 + 0.03 * noise(rng, 1, 1))[..., None], 0, 1)


def motif(rng: Generator, color: Floats, other: Floats, count: int = 4) -> Floats:
    """Generate a wallpaper of petals, repeated on a staggered grid."""
    cell = SIZE // count
    row, col = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    y = ((row + (col // cell % 2) * cell // 2) % cell) / cell * 2 - 1
    x = (col % cell) / cell * 2 - 1
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    petals = 0.35 + 0.3 * np.cos(int(rng.integers(3, 7)) * angle + rng.uniform(0, 6))
    image = np.where((radius < petals)[..., None], other, color)
    return np.clip(image * (1 + 0.02 * noise(rng, 1, 1))[..., None], 0, 1)


def fabric(rng: Generator, color: Floats) -> Floats:
    """Generate woven cloth: crossing threads and slight wear."""
    warp = np.sin(np.arange(SIZE) * 2 * np.pi / 8)
    weave = 0.06 * (warp[:, None] * warp[None, :]) + 0.05 * noise(rng, 0.8, 0.8)
    return tint(color, 1 + weave + 0.02 * noise(rng, 14, 14))


def rug(rng: Generator, color: Floats, other: Floats) -> Floats:
    """Generate a carpet with nested borders and a checkerboard or diamond field."""
    edge = np.abs(np.linspace(-1, 1, SIZE))
    row, col = np.meshgrid(edge, edge, indexing="ij")
    depth = np.maximum(row, col)
    if rng.random() < 0.5:
        field = (np.floor(row * 6) + np.floor(col * 6)) % 2 > 0
    else:
        field = ((row + col) * 4) % 1.0 > 0.5
    light = np.where(depth > 0.82, depth % 0.08 > 0.04, field)
    image = np.where(light[..., None], color, other)
    return np.clip(image * (1 + 0.08 * noise(rng, 0.8, 0.8))[..., None], 0, 1)


def picture(rng: Generator) -> Floats:
    """Generate a picture: hills, blocks or disks in a random palette."""
    palette = rng.uniform(0.1, 0.95, (6, 1)) + rng.normal(0, 0.13, (6, 3))
    row, col = np.meshgrid(np.linspace(0, 1, 128), np.linspace(0, 1, 128), indexing="ij")
    image = palette[0] * (1 - 0.4 * row[..., None])
    kind = rng.integers(3)
    for i in range(1, 6):
        if kind == 0:
            wave = np.sin(col * rng.uniform(3, 9) + rng.uniform(0, 6))
            mask = row > 0.2 + 0.14 * i + 0.07 * wave
        elif kind == 1:
            (x0, x1), (y0, y1) = np.sort(rng.uniform(0, 1, (2, 2)), axis=1)
            mask = (col > x0) & (col < x1) & (row > y0) & (row < y1)
        else:
            x, y, radius = *rng.uniform(0.1, 0.9, 2), rng.uniform(0.06, 0.32)
            mask = np.hypot(col - x, row - y) < radius
        image = np.where(mask[..., None], palette[i], image)
    if rng.random() < 0.5:
        mount = np.maximum(abs(row - 0.5), abs(col - 0.5)) > 0.38
        image = np.where(mount[..., None], 0.93, image)
    return np.clip(image, 0, 1)


def outside(rng: Generator) -> Floats:
    """Generate the view through a window: sky with clouds, hills, trees and a few houses."""
    row, col = np.meshgrid(np.linspace(0, 1, SIZE), np.linspace(0, 1, SIZE), indexing="ij")
    zenith, haze = np.array([0.45, 0.66, 0.93]), np.array([0.88, 0.93, 0.98])
    image = zenith + (haze - zenith) * np.clip(row * 1.6, 0, 1)[..., None]
    cloud = np.clip(noise(rng, 10, 26) + 0.4 * noise(rng, 4, 9) - rng.uniform(-0.3, 1), 0, 1)
    image += (0.98 - image) * (cloud * 0.9)[..., None]
    horizon = rng.uniform(0.5, 0.75)
    for i in range(3):
        wave = noise(rng, 1e-3, 22 - 6 * i)[0] * (0.05 - 0.01 * i)
        green = np.array([0.33, 0.42, 0.27]) * (1 - 0.25 * i) + rng.uniform(-0.05, 0.05, 3)
        ground = row > horizon + 0.08 * i + wave[None, :]
        image = np.where(ground[..., None], green * (1 + 0.12 * noise(rng, 2, 2))[..., None], image)
    for _ in range(int(rng.integers(0, 4))):
        x, width, top = rng.uniform(0, 0.9), rng.uniform(0.08, 0.25), rng.uniform(-0.12, 0.1)
        house = (col > x) & (col < x + width) & (row > horizon + top) & (row < horizon + 0.3)
        image = np.where(house[..., None], rng.uniform(0.25, 0.5) + rng.normal(0, 0.04, 3), image)
    return np.clip(image, 0, 1)
