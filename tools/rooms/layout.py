"""Placement of furniture in a room; lengths in meters.

Each item is tried at plausible random places and kept at the first one without a collision. Items
that do not fit are omitted.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from tools.rooms import shell
from tools.rooms.look import Look
from tools.rooms.parts import Item, Room, overlap
from tools.rooms.shapes import Floats, box
from tools.rooms.shell import Opening

SEED = 2026  # seed of the dataset; combined with the scene number


class Plan:
    """Room to be furnished.

    Args:
        rng: random number generator.
        kind: bedroom, living, dining, study or studio, which is larger.
    """

    def __init__(self, rng: Generator, kind: str) -> None:
        self.rng, self.kind = rng, kind
        self.evening = bool(rng.random() < 0.3)
        self.look = Look(rng, self.evening)
        side = (4.2, 6.2) if kind == "studio" else (3.3, 5.2)
        self.size = np.array([rng.uniform(*side), rng.uniform(*side), rng.uniform(2.4, 3.0)])
        self.items: list[Item] = []
        self.shell: list[Item] = []
        self.reserved: list[Floats] = []  # boxes kept free, in front of doors and windows
        self._openings()

    def _slot(self, width: float, taken: list[Opening]) -> tuple[int, float]:
        """Find a wall and a position along it without other openings."""
        while True:
            wall = int(self.rng.integers(4))
            length = shell.wall_length(self.size, wall)
            x = float(self.rng.uniform(width / 2 + 0.35, length - width / 2 - 0.35))
            if all(o.wall != wall or abs(o.x - x) > (o.width + width) / 2 + 0.3 for o in taken):
                return wall, x

    def _openings(self) -> None:
        """Add a door and one to three windows, and keep the floor in front of them free."""
        rng, height = self.rng, float(self.size[2])
        doors = [Opening(*self._slot(0.98, []), 0.98, 0.0, 2.08)]
        windows: list[Opening] = []
        low, high = (
            float(rng.choice([0.25, 0.8, 0.95])),
            min(height - 0.2, float(rng.uniform(2.05, 2.4))),
        )
        bars, view = int(rng.integers(2, 4)), shell.view_material(rng, self.evening)
        for _ in range(int(rng.choice([1, 2, 3], p=[0.25, 0.5, 0.25]))):
            width = float(rng.uniform(0.9, 1.7))
            windows.append(Opening(*self._slot(width, doors + windows), width, low, high))
        self.shell.append(shell.walls(self.look, self.size, windows, doors))
        self.shell += [shell.door(rng, self.look, self.size, o) for o in doors]
        # One material per pane, since an emissive texture is sampled by the uv of its own mesh.
        self.shell += [
            shell.window(rng, self.look, self.size, o, replace(view), bars) for o in windows
        ]
        self.windows = windows
        for o, depth in [(doors[0], 0.9)] + [(o, 0.12) for o in windows]:
            zone = Item("zone")
            lo, hi = (-o.width / 2 - 0.05, 0, o.low), (o.width / 2 + 0.05, depth, o.high)
            zone.add("wall", self.look.trim, box(lo, hi))
            self.reserved.append(shell.on_wall(zone, self.size, o.wall, o.x, 0).bounds())
        if rng.random() < 0.5:
            self.items += [shell.curtains(self.look, self.size, o) for o in windows]

    def add(self, item: Item, loose: bool = False, margin: float = 0.01) -> bool:
        """Add the item if it is inside the room and collides with nothing; return whether it is.

        Args:
            item: the item in room coordinates.
            loose: compare part by part, so that the seat of a chair may be under a table.
            margin: minimum gap to other items in meters; negative for items that touch.
        """
        bounds = item.bounds()
        if (bounds[0] < -1e-4).any() or (bounds[1] > self.size + 1e-4).any():
            return False
        if overlap(bounds[None], np.stack(self.reserved)):
            return False
        near = [o for o in self.items if overlap(bounds[None], o.bounds()[None], margin)]
        boxes = item.boxes() if loose else bounds[None]
        if any(overlap(boxes, o.boxes() if loose else o.bounds()[None], margin) for o in near):
            return False
        self.items.append(item)
        return True

    def by_wall(self, item: Item, z: float = 0.0, tries: int = 25) -> Item | None:
        """Place an item with its back to a random wall; return the placed item, or None."""
        half = item.bounds()[1, 0], -item.bounds()[0, 1]
        for _ in range(tries):
            wall = int(self.rng.integers(4))
            length = shell.wall_length(self.size, wall)
            x = float(
                self.rng.uniform(half[0] + 0.03, max(half[0] + 0.04, length - half[0] - 0.03))
            )
            gap = shell.SKIRTING if z == 0.0 else 0.0
            placed = shell.on_wall(item, self.size, wall, x, half[1] + gap + 0.003, z)
            if self.add(placed):
                return placed
        return None

    def open_floor(self, item: Item, tries: int = 25) -> Item | None:
        """Place an item anywhere on the floor, with a random orientation."""
        for _ in range(tries):
            x, y = self.rng.uniform(0.3, self.size[:2] - 0.3)
            placed = item.moved(float(self.rng.uniform(0, 360)), (x, y, 0.0))
            if self.add(placed):
                return placed
        return None

    def on_top(self, item: Item, carrier: Item, surface: int = 0, tries: int = 8) -> bool:
        """Place an item on a surface of another one, with the orientation of that one."""
        item = item.moved(carrier.turn, (0, 0, 0))
        x, y, z, half_x, half_y = carrier.surfaces[surface]
        low, high = item.bounds()[:, :2]
        for _ in range(tries):
            room_x, room_y = half_x - high[0], half_y - high[1]
            if min(room_x, room_y, half_x + low[0], half_y + low[1]) < 0:
                return False
            spot = (
                self.rng.uniform(x - half_x - low[0], x + room_x),
                self.rng.uniform(y - half_y - low[1], y + room_y),
            )
            if self.add(item.moved(0.0, (*spot, z + 0.001)), loose=True, margin=-1e-4):
                return True
        return False

    def room(self) -> Room:
        """Return the furnished room."""
        parts = [part for item in self.shell for part in item.parts]
        sun = None
        if not self.evening and self.rng.random() < 0.6:
            o = self.windows[0]
            inward = np.deg2rad(90.0 * o.wall + 90.0 + self.rng.uniform(-40, 40))
            sun = np.array([np.cos(inward), np.sin(inward), -self.rng.uniform(0.4, 1.0)])
        return Room(self.size, self.kind, parts, self.items, sun)
