"""Elements of a scene: materials, parts (a mesh with a class) and items (a piece of furniture).

The origin of an item is on the floor, at the center of its footprint. Its back faces -y and its
front faces +y. Lengths are in meters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from tools.rooms.shapes import Floats, Mesh, turn_z

CLASSES = (
    "wall", "floor", "ceiling", "window", "door", "table", "chair", "bed", "sofa", "cabinet",
    "lamp", "picture", "plant", "clutter",
)  # fmt: skip


@dataclass(eq=False)
class Material:
    """Appearance of a surface.

    Attributes:
        texture: (H, W, 3) sRGB in 0..1; (1, 1, 3) for a uniform color.
        tile: side length in meters of one repetition of the texture.
        gloss: 0 is matte; 1 is lacquer.
        metal: brushed metal instead of paint or cloth.
        emission: radiance of white in the texture; 0 for a surface that emits no light.
    """

    texture: Floats
    tile: float = 1.0
    gloss: float = 0.0
    metal: bool = False
    emission: float = 0.0


def plain(
    color: Floats | list[float], gloss: float = 0.0, metal: bool = False, emission: float = 0.0
) -> Material:
    """Return a material with a uniform sRGB color (3,) in 0..1."""
    texture = np.clip(np.asarray(color, float), 0, 1).reshape(1, 1, 3)
    return Material(texture, gloss=gloss, metal=metal, emission=emission)


@dataclass(eq=False)
class Part:
    """Mesh with its material and its class (an index into :data:`CLASSES`)."""

    mesh: Mesh
    material: Material
    label: int


@dataclass(eq=False)
class Item:
    """Piece of furniture or fitting.

    Attributes:
        name: description, for messages.
        parts: the parts.
        surfaces: horizontal surfaces for small objects: (x, y, z, half width, half depth).
        turn: rotation about the vertical axis in degrees.
        origin: (3,) current position of the item's origin; with ``turn`` it relates items.
    """

    name: str
    parts: list[Part] = field(default_factory=list)
    surfaces: list[Floats] = field(default_factory=list)
    turn: float = 0.0
    origin: Floats = field(default_factory=lambda: np.zeros(3))

    def add(self, label: str, material: Material, *meshes: Mesh) -> None:
        """Add meshes of one class and material."""
        self.parts += [Part(mesh, material, CLASSES.index(label)) for mesh in meshes]

    def moved(self, degrees: float, shift: tuple[float, float, float] | Floats) -> Item:
        """Return the item rotated about the vertical axis, then shifted."""
        rotation, offset = turn_z(degrees), np.array(shift, float)
        parts = [Part(p.mesh.moved(rotation, offset), p.material, p.label) for p in self.parts]
        surfaces = []
        for spot in self.surfaces:
            half = np.abs(rotation[:2, :2] @ np.diag(spot[3:])).sum(1)
            surfaces.append(np.concatenate([rotation @ spot[:3] + offset, half]))
        return Item(
            self.name, parts, surfaces, self.turn + degrees, rotation @ self.origin + offset
        )

    def follow(self, anchor: Item) -> Item:
        """Transform this item from the axes of ``anchor`` to those of the room."""
        return self.moved(anchor.turn, anchor.origin)

    def boxes(self) -> Floats:
        """Return the bounding boxes of the parts, (parts, 2, 3)."""
        return np.stack([part.mesh.bounds() for part in self.parts])

    def bounds(self) -> Floats:
        """Return the bounding box of the item, (2, 3)."""
        boxes = self.boxes()
        return np.stack([boxes[:, 0].min(0), boxes[:, 1].max(0)])


def overlap(a: Floats, b: Floats, margin: float = -1e-4) -> bool:
    """Return whether any box of ``a`` (N, 2, 3) intersects any box of ``b`` (M, 2, 3).

    Args:
        a: boxes in meters.
        b: boxes in meters.
        margin: minimum gap between boxes; slightly negative by default, so that boxes may touch
            (a book on a table).
    """
    low = np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 1], b[None, :, 1])
    return bool(((high - low) > -margin).all(-1).any())


@dataclass(eq=False)
class Room:
    """Furnished room.

    Attributes:
        size: (3,) inner width, depth and height in meters; the room spans 0..size.
        kind: bedroom, living, dining, study or studio.
        shell: walls, floor, ceiling, rugs, trim, doors and windows; they may intersect.
        items: all other items; they do not intersect.
        sun: (3,) direction in which sunlight travels, or None.
    """

    size: Floats
    kind: str
    shell: list[Part]
    items: list[Item]
    sun: Floats | None

    def parts(self) -> list[Part]:
        """Return all parts of the room."""
        return self.shell + [part for item in self.items for part in item.parts]

    def digest(self) -> str:
        """Return a checksum of all geometry, labels and materials."""
        total = hashlib.sha256(self.kind.encode() + self.size.tobytes() + str(self.sun).encode())
        for part in self.parts():
            m = part.material
            total.update(
                part.mesh.vertices.tobytes() + part.mesh.uv.tobytes() + bytes([part.label])
            )
            total.update(
                m.texture.tobytes() + repr((m.tile, m.gloss, m.metal, m.emission)).encode()
            )
        return total.hexdigest()
