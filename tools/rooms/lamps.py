"""Standing, table and ceiling lamps; lengths in meters."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.rooms.look import Look
from tools.rooms.parts import Item
from tools.rooms.rounds import cushion, lathe, tube
from tools.rooms.shapes import Mesh, turn_z


def _shade(rng: Generator, bottom: float, height: float, radius: float) -> Mesh:
    """Make a lamp shade, a drum or a cone; it is closed, so that it emits light outwards only."""
    top = radius * float(rng.choice([0.55, 0.75, 1.0]))
    profile = [(0.0, bottom), (radius, bottom), (top, bottom + height), (0.0, bottom + height)]
    return lathe(profile, segments=24)


def floor_lamp(rng: Generator, look: Look) -> Item:
    """Make a floor lamp: foot, pole and shade."""
    item, top = Item("floor lamp"), float(rng.uniform(1.25, 1.6))
    item.add(
        "lamp", look.metal, lathe([(0, 0), (0.15, 0), (0.14, 0.025), (0.012, 0.04), (0.012, top)])
    )
    item.add(
        "lamp", look.shade(7.0), _shade(rng, top, rng.uniform(0.22, 0.36), rng.uniform(0.17, 0.24))
    )
    return item


def table_lamp(rng: Generator, look: Look) -> Item:
    """Make a small lamp with a body of revolution."""
    item, h, r = Item("table lamp"), float(rng.uniform(0.18, 0.3)), float(rng.uniform(0.05, 0.08))
    body = [
        (0, 0),
        (r, 0),
        (r, 0.02),
        (r * 0.4, 0.05),
        (r, h * 0.45),
        (r * 0.3, h * 0.8),
        (0.012, h),
    ]
    item.add("lamp", look.bright(), lathe(body, smooth=True))
    item.add(
        "lamp", look.shade(8.0), _shade(rng, h, rng.uniform(0.15, 0.22), rng.uniform(0.1, 0.15))
    )
    return item


def ceiling_lamp(rng: Generator, look: Look, height: float) -> Item:
    """Make a globe, drum, flush or five-armed lamp that hangs from z = ``height``."""
    item, kind, lit = Item("ceiling lamp"), rng.integers(4), look.shade(9.0)
    drop = height - float(rng.uniform(0.35, 0.65))
    if kind == 3:
        item.add(
            "lamp",
            lit,
            lathe([(0, height - 0.1), (0.2, height - 0.09), (0.24, height)], segments=28),
        )
        return item
    item.add("lamp", look.metal, tube((0, 0, drop), (0, 0, height), 0.012))
    item.add("lamp", look.metal, lathe([(0.06, height - 0.03), (0.06, height)]))
    if kind == 0:
        item.add("lamp", lit, cushion((-0.16, -0.16, drop - 0.3), (0.16, 0.16, drop), 1.0))
    elif kind == 1:
        item.add("lamp", lit, _shade(rng, drop - 0.24, 0.24, rng.uniform(0.2, 0.3)))
    else:
        for angle in np.arange(5) * 72.0:
            arm = tube((0, 0, drop), (0.3, 0, drop - 0.06), 0.01)
            globe = cushion((0.23, -0.07, drop - 0.2), (0.37, 0.07, drop - 0.06), 1.0, 16)
            item.add("lamp", look.metal, arm.moved(turn_z(angle), np.zeros(3)))
            item.add("lamp", lit, globe.moved(turn_z(angle), np.zeros(3)))
    return item
