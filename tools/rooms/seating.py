"""Chairs, beds and sofas, built from parts; lengths in meters."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.rooms.furniture import legs
from tools.rooms.look import Look
from tools.rooms.parts import Item, Material
from tools.rooms.rounds import cushion, tube
from tools.rooms.shapes import box, turn_z

SLATTED, LADDER, SOLID, PADDED, SWIVEL = range(5)  # styles of chair
SEAT = 0.46  # height of a seat


def chair(rng: Generator, look: Look, wood: Material, cloth: Material, style: int) -> Item:
    """Make a chair of one of the five styles, facing +y."""
    if style == SWIVEL:
        return _swivel_chair(look, cloth)
    item, x, y, h = Item("chair"), 0.22, 0.22, SEAT
    item.add("chair", wood, *legs(rng, 2 * x, 2 * y, h - 0.04, 0.045))
    if style == PADDED:
        item.add("chair", cloth, cushion((-x, -y, h - 0.05), (x, y, h + 0.05), 0.25))
        item.add("chair", cloth, cushion((-x, -y, h), (x, -y + 0.09, h + 0.5), 0.25))
        return item
    item.add("chair", wood, box((-x, -y, h - 0.04), (x, y, h)))
    if rng.random() < 0.5:
        pad = cushion((-x + 0.02, -y + 0.06, h), (x - 0.02, y - 0.01, h + 0.05))
        item.add("chair", cloth, pad)
    back, top = -y + 0.03, h + 0.46
    for left in (-x, x - 0.035):
        item.add("chair", wood, box((left, -y, h), (left + 0.035, back, top)))
    if style == SLATTED:
        item.add("chair", wood, box((-x, -y, top - 0.08), (x, back, top)))
        for at in np.linspace(-0.13, 0.13, 4):
            item.add("chair", wood, box((at - 0.013, -y, h), (at + 0.013, back, top - 0.08)))
    elif style == LADDER:
        for z in (0.12, 0.25, 0.38):
            item.add("chair", wood, box((-x, -y, h + z), (x, back, h + z + 0.07)))
    else:
        item.add("chair", wood, box((-x, -y, h + 0.12), (x, back, top)))
    return item


def _swivel_chair(look: Look, cloth: Material) -> Item:
    """Make an office chair on a five-armed foot."""
    item, h = Item("chair"), SEAT
    item.add("chair", look.metal, tube((0, 0, 0.06), (0, 0, h - 0.08), 0.03))
    for angle in np.arange(5) * 72.0:
        arm = tube((0, 0, 0.07), (0.27, 0, 0.03), 0.02)
        item.add("chair", look.metal, arm.moved(turn_z(angle), np.zeros(3)))
    item.add("chair", cloth, cushion((-0.24, -0.23, h - 0.08), (0.24, 0.25, h + 0.02)))
    item.add("chair", cloth, cushion((-0.22, -0.29, h + 0.1), (0.22, -0.2, h + 0.58)))
    item.add("chair", look.metal, box((-0.03, -0.3, h - 0.06), (0.03, -0.285, h + 0.3)))
    return item


def bed(rng: Generator, look: Look) -> Item:
    """Make a single or double bed with its head at -y."""
    w, d = float(rng.choice([0.95, 1.45, 1.65])), 2.05
    x, y, item, wood = w / 2, d / 2, Item("bed"), look.wooden()
    rail = float(rng.uniform(0.24, 0.34))
    item.add("bed", wood, box((-x, -y + 0.06, 0.1), (x, y, rail)))
    item.add("bed", wood, *legs(rng, w - 0.05, d - 0.15, 0.1, 0.08))
    if rng.random() < 0.5:
        high = float(rng.uniform(0.8, 1.15))
        item.add("bed", wood, box((-x - 0.02, -y, 0), (x + 0.02, -y + 0.06, high)))
    else:
        head = cushion((-x - 0.04, -y - 0.02, 0.1), (x + 0.04, -y + 0.08, 1.1), 0.2)
        item.add("bed", look.cloth, head)
    _bedding(rng, look, item, x, y, rail)
    return item


def _bedding(rng: Generator, look: Look, item: Item, x: float, y: float, rail: float) -> None:
    """Add a mattress, quilt, pillows and perhaps a throw to a bed.

    Args:
        rng: random number generator.
        look: materials of the room.
        item: the bed.
        x: half of the bed's width.
        y: half of the bed's length.
        rail: height of the bed's frame.
    """
    top = rail + 0.2
    mattress = cushion((-x + 0.02, -y + 0.07, rail - 0.02), (x - 0.02, y - 0.02, top), 0.15)
    item.add("bed", look.linen, mattress)
    low, high = (-x - 0.05, -y + 0.62, rail - 0.05), (x + 0.05, y + 0.04, top + 0.06)
    item.add("bed", look.fabric(), cushion(low, high, 0.2))
    count = 1 if x < 0.6 else 2
    for i in range(count):
        at = (i - (count - 1) / 2) * 0.68
        low, high = (at - 0.31, -y + 0.12, top - 0.02), (at + 0.31, -y + 0.5, top + 0.12)
        item.add("bed", look.linen, cushion(low, high, 0.5))
    if rng.random() < 0.5:
        throw = cushion((-x - 0.07, 0.45, rail - 0.02), (x + 0.07, 0.85, top + 0.085), 0.2)
        item.add("bed", look.second_cloth, throw)


def sofa(rng: Generator, look: Look, seats: int, cloth: Material) -> Item:
    """Make a sofa, or an armchair if ``seats`` is 1, facing +y."""
    item, arm = Item("sofa"), float(rng.uniform(0.12, 0.22))
    seat, d = float(rng.uniform(0.56, 0.68)), float(rng.uniform(0.82, 0.95))
    h, soft = float(rng.uniform(0.72, 0.88)), float(rng.uniform(0.12, 0.4))
    w = seats * seat + 2 * arm
    x, y = w / 2, d / 2
    item.add("sofa", look.timber, *legs(rng, w - 0.06, d - 0.06, 0.1, 0.06))
    item.add("sofa", cloth, box((-x + 0.02, -y + 0.02, 0.1), (x - 0.02, y - 0.03, 0.28)))
    item.add("sofa", cloth, cushion((-x + 0.02, -y, 0.1), (x - 0.02, -y + 0.22, h), soft))
    for side in (-1, 1):
        left, right = sorted((side * x, side * (x - arm)))
        rest = cushion((left, -y + 0.01, 0.1), (right, y, float(h * 0.76)), soft)
        item.add("sofa", cloth, rest)
    for i in range(seats):
        left = -x + arm + i * seat
        right = left + seat
        item.add("sofa", cloth, cushion((left, -y + 0.2, 0.27), (right, y, 0.45), 0.3))
        low, high = (left + 0.02, -y + 0.18, 0.42), (right - 0.02, -y + 0.36, h + 0.04)
        item.add("sofa", cloth, cushion(low, high, 0.4))
    for i in range(int(rng.integers(0, seats + 1))):
        place = np.array([-x + arm + i * seat + seat / 2, -y + 0.45, 0.64])
        pillow = cushion((-0.2, -0.07, -0.2), (0.2, 0.07, 0.2), 0.6)
        pillow = pillow.moved(turn_z(rng.uniform(-20, 20)), place)
        item.add("sofa", look.fabric(), pillow)
    return item
