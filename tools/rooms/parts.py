"""What a scene is made of: materials, parts (a mesh with a class) and items (a piece of furniture).

An item is built around its own origin: on the floor, in the middle of its footprint, its back
towards -y and its front towards +y. Lengths are in metres.
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
    """How a surface looks.

    Attributes:
        texture: (H, W, 3) sRGB in 0..1; (1, 1, 3) for a plain color.
        tile: side in metres that one copy of the texture covers.
        gloss: 0 is matt; up to 1 is lacquer.
        metal: brushed metal instead of paint or cloth.
        emission: radiance of the texture's white, 0 for a surface that does not shine.
    """

    texture: Floats
    tile: float = 1.0
    gloss: float = 0.0
    metal: bool = False
    emission: float = 0.0


def plain(
    colour: Floats | list[float], gloss: float = 0.0, metal: bool = False, emission: float = 0.0
) -> Material:
    """Return a material of one sRGB color (3,) in 0..1."""
    texture = np.clip(np.asarray(colour, float), 0, 1).reshape(1, 1, 3)
    return Material(texture, gloss=gloss, metal=metal, emission=emission)


@dataclass(eq=False)
class Part:
    """A mesh with its material and its class (an index into :data:`CLASSES`)."""

    mesh: Mesh
    material: Material
    label: int


@dataclass(eq=False)
class Item:
    """A piece of furniture or a fitting.

    Attributes:
        name: what it is, for messages.
        parts: its parts.
        surfaces: level places that can carry small things: (x, y, z, half width, half depth).
        turn: how far the item has been turned about the vertical axis, in degrees.
        origin: (3,) where its own origin is now; with ``turn`` it relates one item to another.
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
        """Return the item turned about the vertical axis, then shifted."""
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
        """Return this item, described in the axes of ``anchor``, where the anchor now stands."""
        return self.moved(anchor.turn, anchor.origin)

    def boxes(self) -> Floats:
        """Return the boxes around the parts, (parts, 2, 3)."""
        return np.stack([part.mesh.bounds() for part in self.parts])

    def bounds(self) -> Floats:
        """Return the box around the whole item, (2, 3)."""
        boxes = self.boxes()
        return np.stack([boxes[:, 0].min(0), boxes[:, 1].max(0)])


def overlap(a: Floats, b: Floats, margin: float = -1e-4) -> bool:
    """Tell whether any box of ``a`` (N, 2, 3) meets any of ``b`` (M, 2, 3).

    Args:
        a: boxes in metres.
        b: boxes in metres.
        margin: boxes nearer than this count as meeting; slightly negative, so that touching (a book
            on a table) does not.
    """
    low = np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 1], b[None, :, 1])
    return bool(((high - low) > -margin).all(-1).any())


@dataclass(eq=False)
class Room:
    """A furnished room.

    Attributes:
        size: (3,) inner width, depth and height in metres; the room spans 0..size.
        kind: bedroom, living, dining, study or studio.
        shell: walls, floor, ceiling, rugs, trim, doors and windows; may touch one another.
        items: everything else; no two items meet.
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
