"""Colors and materials of a room, sampled once so that its furniture matches."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np
from numpy.random import Generator

from tools.rooms import textures
from tools.rooms.parts import Material, plain
from tools.rooms.shapes import Floats

WOODS = np.array(
    [
        [0.80, 0.64, 0.44], [0.70, 0.50, 0.31], [0.58, 0.38, 0.22], [0.45, 0.28, 0.17],
        [0.34, 0.22, 0.15], [0.86, 0.76, 0.60], [0.62, 0.33, 0.20], [0.55, 0.50, 0.44],
    ]
)  # fmt: skip
DAYLIGHT = np.array([0.93, 0.96, 1.0])
WARM = np.array([1.0, 0.86, 0.67])


def warm(rng: Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Floats:
    """Sample an sRGB color (3,) for walls and floors: mostly yellow to red, some cool."""
    tone = rng.normal(0.1, 0.05) if rng.random() < 0.65 else rng.random()
    return np.array(hsv_to_rgb(tone % 1.0, rng.uniform(*saturation), rng.uniform(*value)))


def hue(rng: Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Floats:
    """Sample an sRGB color (3,) of any hue within ranges of saturation and value."""
    return np.array(hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)))


class Look:
    """Sampled materials of a room.

    Args:
        rng: random number generator.
        evening: whether it is dark outside and lamps are on.
    """

    def __init__(self, rng: Generator, evening: bool) -> None:
        self.rng = rng
        self.evening = evening
        first, second = WOODS[rng.choice(len(WOODS), 2, replace=False)]
        self.timber = self._wood(first)
        self.second_timber = self._wood(second)
        self.paint = plain(
            hue(rng, (0.0, 0.08), (0.85, 0.95))
            if rng.random() < 0.6
            else hue(rng, (0.2, 0.6), (0.3, 0.7)),
            gloss=0.4,
        )
        self.trim = plain([0.92, 0.91, 0.88], gloss=0.3)
        self.metal = plain(
            [[0.75, 0.75, 0.76], [0.80, 0.65, 0.36], [0.25, 0.25, 0.26]][rng.integers(3)],
            metal=True,
        )
        self.cloth = self.fabric()
        self.second_cloth = self.fabric()
        self.linen = Material(textures.fabric(rng, hue(rng, (0.0, 0.08), (0.86, 0.96))), 0.25)
        self.wall = self._wall()
        self.feature_wall = self._wall() if rng.random() < 0.35 else self.wall
        self.floor = self._floor()
        self.ceiling = Material(textures.plaster(rng, hue(rng, (0.0, 0.05), (0.9, 0.97))), 2.0)

    def _wood(self, color: Floats) -> Material:
        return Material(textures.wood(self.rng, color), 0.6, gloss=0.35)

    def fabric(self) -> Material:
        """Sample a fabric: usually a plain weave, otherwise striped or patterned."""
        rng = self.rng
        color, other = hue(rng, (0.05, 0.6), (0.25, 0.8)), hue(rng, (0.0, 0.3), (0.5, 0.95))
        kind = rng.random()
        if kind < 0.7:
            return Material(textures.fabric(rng, color), 0.25)
        if kind < 0.85:
            return Material(textures.stripes(rng, color, other), 0.5)
        return Material(textures.motif(rng, color, other), 0.6)

    def _wall(self) -> Material:
        rng = self.rng
        base = warm(rng, (0.02, 0.28), (0.7, 0.96))
        other = np.clip(base * rng.uniform(0.8, 1.12) + rng.normal(0, 0.03, 3), 0, 1)
        kind = rng.random()
        if kind < 0.62:
            return Material(textures.plaster(rng, base), 1.8)
        if kind < 0.78:
            return Material(textures.stripes(rng, base, other, int(rng.integers(5, 10))), 1.2)
        if kind < 0.92:
            return Material(textures.motif(rng, base, other), rng.uniform(0.7, 1.3))
        return Material(textures.tiles(rng, base, base), 0.8, gloss=0.5)

    def _floor(self) -> Material:
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            return Material(textures.planks(rng, WOODS[rng.integers(len(WOODS))]), 1.2, gloss=0.4)
        if kind < 0.8:
            color = warm(rng, (0.03, 0.3), (0.5, 0.85))
            other = color if rng.random() < 0.6 else color * rng.uniform(0.4, 0.8)
            return Material(textures.tiles(rng, color, other), rng.uniform(1.2, 2.4), gloss=0.5)
        return Material(textures.fabric(rng, warm(rng, (0.05, 0.35), (0.35, 0.7))), 0.5)

    def wooden(self) -> Material:
        """Sample one of the room's two woods, or its paint."""
        return [self.timber, self.second_timber, self.paint][
            self.rng.choice(3, p=[0.5, 0.25, 0.25])
        ]

    def bright(self) -> Material:
        """Sample a saturated glossy color for a small object."""
        return plain(hue(self.rng, (0.05, 0.75), (0.2, 0.9)), gloss=float(self.rng.uniform(0, 0.8)))

    def shade(self, radiance: float) -> Material:
        """Sample a lamp shade, which emits ``radiance`` if the room's lamps are on."""
        color = WARM * (1 - 0.1 * self.rng.random())
        if self.evening or self.rng.random() < 0.35:
            return plain(color, emission=radiance)
        return plain(color * 0.95)
