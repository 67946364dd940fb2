"""Empty room: walls with openings, floor, ceiling, windows, doors and trim; lengths in meters.

Wall ``k`` (0..3) has its own axes: x along the wall, y into the room, z up. It is rotated by 90
degrees times ``k`` and shifted to a corner of the room, which spans 0..size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tools.rooms import textures
from tools.rooms.look import DAYLIGHT, Look
from tools.rooms.parts import Item, Material
from tools.rooms.shapes import Floats, box, grid_mesh, panel

THICK = 0.22  # thickness of a wall, enough for a visible window reveal
SKIRTING = 0.015


@dataclass(frozen=True)
class Opening:
    """Window or door: wall number, center along the wall, width, and lower and upper edge."""

    wall: int
    x: float
    width: float
    low: float
    high: float


def wall_length(size: Floats, wall: int) -> float:
    """Return the length of a wall in meters."""
    return float(size[wall % 2])


def on_wall(item: Item, size: Floats, wall: int, x: float, y: float, z: float = 0.0) -> Item:
    """Move an item from the origin to (x, y, z) in the axes of a wall."""
    corner = [(0, 0), (size[0], 0), (size[0], size[1]), (0, size[1])][wall]
    inside = item.moved(0.0, (x, y, z))
    return inside.moved(90.0 * wall, (corner[0], corner[1], 0.0))


def _wall_pieces(length: float, height: float, holes: list[Opening]) -> list[tuple[float, ...]]:
    """Divide a wall around its openings into rectangles (x0, x1, z0, z1)."""
    pieces, x = [], 0.0
    for hole in sorted(holes, key=lambda o: o.x):
        left, right = hole.x - hole.width / 2, hole.x + hole.width / 2
        pieces += [
            (x, left, 0.0, height),
            (left, right, 0.0, hole.low),
            (left, right, hole.high, height),
        ]
        x = right
    return [*pieces, (x, length, 0.0, height)]


def walls(look: Look, size: Floats, windows: list[Opening], doors: list[Opening]) -> Item:
    """Make the walls, floor, ceiling and skirting boards."""
    item, (w, d, h) = Item("shell"), size
    item.add("floor", look.floor, box((-THICK, -THICK, -0.1), (w + THICK, d + THICK, 0)))
    item.add("ceiling", look.ceiling, box((-THICK, -THICK, h), (w + THICK, d + THICK, h + 0.1)))
    for k in range(4):
        length, side = wall_length(size, k), Item("wall")
        paper = look.feature_wall if k == 0 else look.wall
        for x0, x1, z0, z1 in _wall_pieces(length, h, [o for o in windows if o.wall == k]):
            if z1 > z0:
                side.add("wall", paper, box((x0, -THICK, z0), (x1, 0, z1), upright=True))
        gaps = [o for o in doors if o.wall == k]
        for x0, x1, z0, z1 in _wall_pieces(length, 0.09, gaps):
            if z0 == 0.0 and z1 == 0.09 and x1 > x0:
                side.add("wall", look.trim, box((x0, 0, 0), (x1, SKIRTING, 0.09)))
        item.parts += on_wall(side, size, k, 0, 0).parts
    return item


def window(rng: Generator, look: Look, size: Floats, o: Opening, view: Material, bars: int) -> Item:
    """Make a window: frame, glazing bars, sill, and the view outside as an emissive pane."""
    item, w, h, y = Item("window"), o.width, o.high - o.low, -THICK * 0.6
    x, z, t = w / 2, h / 2, 0.05
    frame = look.trim if rng.random() < 0.75 else look.timber
    for s in (-1, 1):
        item.add(
            "window",
            frame,
            box((s * (x - t / 2) - t / 2, y, -z), (s * (x - t / 2) + t / 2, y + 0.07, z)),
        )
        item.add(
            "window",
            frame,
            box((-x, y, s * (z - t / 2) - t / 2), (x, y + 0.07, s * (z - t / 2) + t / 2)),
        )
    for i in range(1, bars):
        at = -x + i * w / bars
        item.add("window", frame, box((at - 0.025, y + 0.01, -z), (at + 0.025, y + 0.06, z)))
    for at in rng.permutation([h * 0.2, 0.0])[: int(rng.integers(0, 2))]:
        item.add("window", frame, box((-x, y + 0.015, at - 0.018), (x, y + 0.055, at + 0.018)))
    if o.low > 0.3:
        item.add(
            "window", look.trim, box((-x - 0.05, -THICK * 0.5, -z - 0.03), (x + 0.05, 0.06, -z))
        )
    item.add("window", view, panel(w, h, y + 0.005))
    return on_wall(item, size, o.wall, o.x, 0.0, (o.low + o.high) / 2)


def view_material(rng: Generator, evening: bool) -> Material:
    """Sample the view outside: bright by day, faint and blue in the evening."""
    tone = np.array([0.22, 0.3, 0.55]) if evening else DAYLIGHT
    radiance = 0.12 if evening else float(rng.uniform(5.0, 9.0))
    return Material(textures.outside(rng) * tone, 1.0, emission=radiance)


def door(rng: Generator, look: Look, size: Floats, o: Opening) -> Item:
    """Make a closed door with casing, raised panels and a handle."""
    item, x, h, c = Item("door"), o.width / 2, o.high, 0.08
    leaf = [look.trim, look.timber, look.second_timber, look.paint][rng.integers(4)]
    casing = leaf if rng.random() < 0.5 else look.trim
    item.add("door", casing, box((-x, 0, 0), (-x + c, 0.045, h)), box((x - c, 0, 0), (x, 0.045, h)))
    item.add("door", casing, box((-x + c, 0, h - c), (x - c, 0.045, h)))
    item.add("door", leaf, box((-x + c, 0, 0.005), (x - c, 0.02, h - c)))
    cols, rows = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    inner, tall = o.width - 2 * c - 0.1, h - c - 0.2
    for i in range(cols):
        for j in range(rows):
            x0, z0 = -inner / 2 + i * inner / cols, 0.12 + j * tall / rows
            x1, z1 = x0 + inner / cols - 0.06 * (cols > 1), z0 + tall / rows - 0.07
            item.add("door", leaf, box((x0, 0.02, z0), (x1, 0.034, z1)))
    side = float(rng.choice([-1, 1])) * (x - c - 0.06)
    item.add("door", look.metal, box((side - 0.02, 0.02, 0.95), (side + 0.02, 0.04, 1.15)))
    grip = sorted((side, side - np.sign(side) * 0.12))
    item.add("door", look.metal, box((grip[0], 0.06, 1.03), (grip[1], 0.08, 1.06)))
    item.add("door", look.metal, box((side - 0.01, 0.04, 1.03), (side + 0.01, 0.08, 1.06)))
    return on_wall(item, size, o.wall, o.x, 0.0)


def curtains(look: Look, size: Floats, o: Opening) -> Item:
    """Make a pair of open curtains on a rod."""
    item, cloth, top = Item("curtains"), look.fabric(), min(o.high + 0.15, float(size[2]) - 0.05)
    low = 0.02 if o.low < 0.5 or look.rng.random() < 0.5 else o.low - 0.12
    width = float(look.rng.uniform(0.22, 0.38))
    for s in (-1, 1):
        t = np.linspace(0, 1, 60)
        x = s * (o.width / 2 + 0.12) - s * t * width
        wave, slope = np.sin(t * 2 * np.pi * 5), np.cos(t * 2 * np.pi * 5) * 2 * np.pi * 5
        normal = np.stack([-0.022 * slope, np.full_like(t, -s * width) * -s, np.zeros_like(t)], -1)
        normal *= np.array([-s, 1.0, 1.0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        points = np.stack(
            [np.stack([x, 0.1 + 0.022 * wave, np.full_like(t, z)], -1) for z in (low, top)]
        )
        uv = np.stack(np.meshgrid(t * width * 2.5, [low, top]), -1)
        item.add("window", cloth, grid_mesh(points, np.stack([normal, normal]), uv))
    half = o.width / 2 + 0.16
    item.add("window", look.metal, box((-half, 0.09, top), (half, 0.11, top + 0.02)))
    return on_wall(item, size, o.wall, o.x, 0.0)


def floor_rug(rng: Generator, look: Look, w: float, d: float) -> Item:
    """Make a rug, which has the class floor and is under the furniture."""
    item = Item("rug")
    low, high = rng.uniform(0.15, 0.5, 3), rng.uniform(0.5, 0.9, 3)
    x, y = np.meshgrid([-w / 2, w / 2], [-d / 2, d / 2])
    points = np.stack([x, y, np.full_like(x, 0.006)], -1)
    uv = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), -1)
    up = np.broadcast_to([0.0, 0.0, 1.0], points.shape)
    item.add("floor", Material(textures.rug(rng, low, high), 1.0), grid_mesh(points, up, uv))
    return item
