"""Tables, cabinets and shelves, built from parts; lengths in meters."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.rooms.look import Look
from tools.rooms.parts import Item
from tools.rooms.rounds import lathe, tube
from tools.rooms.shapes import Mesh, box


def legs(rng: Generator, w: float, d: float, h: float, thick: float) -> list[Mesh]:
    """Make four square, round or splayed legs at the corners of a w x d footprint."""
    kind, t, meshes = rng.integers(3), thick / 2, []
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (w / 2 - t * 1.6), sy * (d / 2 - t * 1.6)
            if kind == 0:
                meshes.append(box((x - t, y - t, 0), (x + t, y + t, h)))
            elif kind == 1:
                meshes.append(tube((x, y, 0), (x, y, h), t * 0.7, t))
            else:
                mesh = tube((x, y, 0), (x, y, h), t * 0.6, t)
                lean = np.array([-0.14 * x / h, -0.14 * y / h])  # a shear keeps the foot level
                mesh.vertices[:, :2] += mesh.vertices[:, 2:] * lean
                mesh.normals[:, 2] -= mesh.normals[:, :2] @ lean
                mesh.normals /= np.linalg.norm(mesh.normals, axis=1, keepdims=True)
                meshes.append(mesh)
    return meshes


def table(rng: Generator, look: Look, w: float, d: float, h: float) -> Item:
    """Make a table of a given width, depth and height: four-legged, round or on panels."""
    item, wood = Item("table"), look.wooden()
    base = wood if rng.random() < 0.7 else look.metal
    t = float(rng.uniform(0.025, 0.045))
    kind = rng.random()
    if kind < 0.25 and abs(w - d) < 0.5:
        r = min(w, d) / 2
        item.add("table", wood, lathe([(0, h - t), (r, h - t), (r, h), (0, h)], segments=36))
        item.add(
            "table",
            base,
            lathe([(0, 0), (r * 0.55, 0), (r * 0.5, 0.03), (0.05, 0.06), (0.04, h - t)]),
        )
        item.surfaces.append(np.array([0, 0, h, r * 0.65, r * 0.65]))
        return item
    item.add("table", wood, box((-w / 2, -d / 2, h - t), (w / 2, d / 2, h)))
    item.surfaces.append(np.array([0, 0, h, w / 2 - 0.05, d / 2 - 0.05]))
    if kind < 0.8:
        item.add("table", base, *legs(rng, w, d, h - t, 0.06 if h > 0.5 else 0.05))
        apron = 0.09 if h > 0.5 else 0.05
        x, y = w / 2 - 0.07, d / 2 - 0.07
        for s in (-1, 1):
            item.add(
                "table", wood, box((-x, s * y - 0.01, h - t - apron), (x, s * y + 0.01, h - t))
            )
            item.add(
                "table", wood, box((s * x - 0.01, -y, h - t - apron), (s * x + 0.01, y, h - t))
            )
    else:
        for s in (-1, 1):
            x = s * (w / 2 - 0.08)
            item.add(
                "table", base, box((x - 0.02, -d / 2 + 0.04, 0), (x + 0.02, d / 2 - 0.04, h - t))
            )
        item.add(
            "table", base, box((-w / 2 + 0.1, -0.02, h * 0.3), (w / 2 - 0.1, 0.02, h * 0.3 + 0.08))
        )
    return item


def cabinet(rng: Generator, look: Look, w: float, d: float, h: float) -> Item:
    """Make a cabinet with doors or drawers, and objects on top if it is low."""
    item, body = Item("cabinet"), look.wooden()
    front = body if rng.random() < 0.6 else look.paint
    foot = float(rng.choice([0.06, 0.14]))
    item.add("cabinet", body, box((-w / 2, -d / 2, foot), (w / 2, d / 2 - 0.02, h)))
    item.add("cabinet", body, *legs(rng, w, d, foot, 0.06))
    cols = max(1, round(w / 0.5))
    rows = 1 if h > 1.3 or rng.random() < 0.4 else max(1, round((h - foot) / 0.24))
    cw, rh = w / cols, (h - foot) / rows
    for i in range(cols):
        for j in range(rows):
            x, z = -w / 2 + i * cw, foot + j * rh
            item.add(
                "cabinet",
                front,
                box((x + 0.008, d / 2 - 0.02, z + 0.008), (x + cw - 0.008, d / 2, z + rh - 0.008)),
            )
            knob = x + cw / 2 if rows > 1 else x + (cw - 0.05 if i % 2 == 0 else 0.05)
            half = 0.05 if rows > 1 else 0.01
            zc = z + rh / 2
            item.add(
                "cabinet",
                look.metal,
                box(
                    (knob - half, d / 2, zc - 0.06 + half),
                    (knob + half, d / 2 + 0.03, zc + 0.06 - half),
                ),
            )
    if h < 1.25:
        item.surfaces.append(np.array([0, 0, h, w / 2 - 0.05, d / 2 - 0.05]))
    return item


def shelf(
    rng: Generator, look: Look, w: float, h: float, d: float = 0.3, foot: float = 0.0
) -> Item:
    """Make an open shelf with boards for books and small objects."""
    item, wood, t = Item("shelf"), look.wooden(), 0.022
    for s in (-1, 1):
        x = s * (w / 2 - t / 2)
        item.add("cabinet", wood, box((x - t / 2, -d / 2, foot), (x + t / 2, d / 2, foot + h)))
    if rng.random() < 0.7:
        item.add(
            "cabinet", wood, box((-w / 2 + t, -d / 2, foot), (w / 2 - t, -d / 2 + 0.01, foot + h))
        )
    for z in np.linspace(foot + 0.02, foot + h - t, max(2, round(h / 0.36) + 1)):
        item.add(
            "cabinet", wood, box((-w / 2 + t, -d / 2 + 0.01, z), (w / 2 - t, d / 2 - 0.005, z + t))
        )
        item.surfaces.append(np.array([0, 0, z + t, w / 2 - t - 0.01, d / 2 - 0.03]))
    return item
