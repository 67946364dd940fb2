"""Plants, pictures and small objects; lengths in meters."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.rooms import textures
from tools.rooms.look import Look, hue
from tools.rooms.parts import Item, Material, plain
from tools.rooms.rounds import blade, cushion, lathe, tube
from tools.rooms.shapes import Mesh, box, merge, panel, turn_z


def plant(rng: Generator, look: Look, height: float) -> Item:
    """Make a potted plant of about ``height``: a rosette, a bush or a small tree."""
    item, pot = Item("plant"), height * 0.25 + 0.05
    r = pot * float(rng.uniform(0.45, 0.6))
    item.add(
        "plant",
        look.bright(),
        lathe(
            [(0, 0), (r * 0.7, 0), (r, pot), (r * 0.88, pot), (r * 0.85, pot * 0.9), (0, pot * 0.9)]
        ),
    )
    green = np.array([rng.uniform(0.12, 0.35), rng.uniform(0.38, 0.6), rng.uniform(0.1, 0.25)])
    leaf = Material(textures.fabric(rng, green), 0.3, gloss=0.2)
    kind, reach = rng.integers(3), height * 0.42
    stem = height * (0.6 if kind == 2 else 0.3)
    leaves = []
    for _ in range(int(rng.integers(40, 70))):
        up = 0.0 if kind == 0 else float(rng.uniform(0.4 if kind == 2 else 0.0, 1.0)) * stem
        root = np.array([*rng.normal(0, 0.015, 2), pot * 0.9 + up])
        size = reach * rng.uniform(0.55, 1.0) * (1.0 if kind == 0 else 0.85)
        rise = rng.uniform(0.3, 2.6) if kind == 0 else rng.uniform(-0.1, 1.6)
        leaves.append(
            blade(root, rng.uniform(0, 2 * np.pi), size, size * (0.14 if kind == 0 else 0.4), rise)
        )
    item.add("plant", leaf, merge(leaves))
    if kind:
        bark = plain([0.35, 0.26, 0.16])
        item.add(
            "plant",
            bark,
            tube((0, 0, pot * 0.8), (0, 0, pot * 0.9 + stem), 0.012 + 0.01 * height, 0.006),
        )
    return item


def picture(rng: Generator, look: Look, w: float, h: float) -> Item:
    """Make a framed picture with its back at y = 0 and its center at the origin."""
    item, t = Item("picture"), float(rng.uniform(0.015, 0.05))
    frame = [look.timber, look.metal, look.paint, plain([0.08, 0.08, 0.08])][rng.integers(4)]
    x, z = w / 2, h / 2
    item.add(
        "picture", frame, box((-x, 0, -z), (-x + t, 0.03, z)), box((x - t, 0, -z), (x, 0.03, z))
    )
    item.add(
        "picture",
        frame,
        box((-x + t, 0, -z), (x - t, 0.03, -z + t)),
        box((-x + t, 0, z - t), (x - t, 0.03, z)),
    )
    item.add("picture", Material(textures.picture(rng), 1.0), panel(w - 2 * t, h - 2 * t, 0.012))
    return item


def books(rng: Generator, look: Look, width: float, height: float = 0.3) -> Item:
    """Make a row of upright books with their spines towards +y."""
    item, x = Item("books"), -width / 2
    while True:
        t = float(rng.uniform(0.018, 0.05))
        if x + t > width / 2:
            return item
        h, d = float(rng.uniform(0.6, 0.95)) * height, float(rng.uniform(0.12, 0.18))
        item.add(
            "clutter",
            plain(hue(rng, (0.1, 0.8), (0.2, 0.85))),
            box((x, -d / 2, 0), (x + t - 0.001, d / 2, h)),
        )
        x += t


def screen(look: Look, w: float) -> Item:
    """Make a television or monitor of width ``w`` facing +y."""
    item, h, black = Item("screen"), w * 0.57, plain([0.05, 0.05, 0.06], gloss=0.6)
    item.add(
        "clutter",
        black,
        box((-w / 4, -0.08, 0), (w / 4, 0.08, 0.015)),
        box((-0.04, -0.02, 0.015), (0.04, 0.0, 0.1)),
    )
    item.add("clutter", black, box((-w / 2, -0.02, 0.08), (w / 2, 0.02, 0.08 + h)))
    return item


VASE, BOWL, BOTTLE, BOX, BOOKS, BALL, CUP = range(7)


def _body(rng: Generator, kind: int, s: float) -> Mesh:
    """Make the body of a small object of a ``kind`` and scale ``s``."""
    if kind == VASE:
        r, h = rng.uniform(0.05, 0.09) * s, rng.uniform(0.18, 0.32) * s
        vase = [(0, 0), (r * 0.6, 0), (r, h * 0.35), (r * 0.4, h * 0.8), (r * 0.6, h)]
        return lathe(vase, smooth=True)
    if kind == BOWL:
        r = rng.uniform(0.1, 0.16) * s
        return lathe([(0, 0), (r * 0.4, 0), (r * 0.8, r * 0.3), (r, r * 0.6)], smooth=True)
    if kind == BOTTLE:
        h, r = rng.uniform(0.22, 0.32) * s, 0.038 * s
        neck = [(r * 0.35, h * 0.75), (r * 0.35, h), (0, h)]
        return lathe([(0, 0), (r, 0), (r, h * 0.6), *neck])
    if kind == BOX:
        w, d, h = rng.uniform(0.08, 0.18, 3) * s
        return box((-w, -d, 0), (w, d, h))
    if kind == BALL:
        r = rng.uniform(0.06, 0.1) * s
        return cushion((-r, -r, 0), (r, r, 2 * r), 1.0)
    return lathe([(0, 0), (0.035, 0), (0.042, 0.1), (0.038, 0.1), (0.034, 0.01), (0, 0.01)])


def small_thing(rng: Generator, look: Look, size: float = 1.0) -> Item:
    """Make a vase, bowl of fruit, bottle, box, pile of books, ball or cup; ``size`` scales it."""
    item, kind, color = Item("thing"), int(rng.integers(7)), look.bright()
    if kind == BOOKS:
        for i in range(int(rng.integers(2, 6))):
            w, d = rng.uniform(0.08, 0.12), rng.uniform(0.1, 0.15)
            book, cover = box((-w, -d, i * 0.03), (w, d, i * 0.03 + 0.029)), look.bright()
            item.add("clutter", cover, book.moved(turn_z(rng.uniform(-12, 12)), np.zeros(3)))
        return item
    body = _body(rng, kind, size)
    item.add("clutter", color, body)
    if kind == BOWL:
        r = float(body.bounds()[1, 0])
        for x in (-0.4, 0.1):
            low, high = (x * r, -0.25 * r, r * 0.32), ((x + 0.45) * r, 0.2 * r, r * 0.8)
            item.add("clutter", look.bright(), cushion(low, high, 1.0, 14))
    return item
