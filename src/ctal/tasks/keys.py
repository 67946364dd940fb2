"""Keys of visualized maps: the meaning of their colors, independent of how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ClassKey:
    """Colors of classes.

    Attributes:
        entries: the color "#rrggbb", the name and the share of the pixels, 0..1, of each class in
            a map, most frequent first; the share is None where it is not known.
    """

    entries: Sequence[tuple[str, str, float | None]]


def percent(share: float) -> str:
    """Return a share in percent, such as "12 %"; "<1 %" and ">99 %" near none and all."""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{100 * abs(share):.0f} %"


@dataclass(frozen=True)
class ScaleKey:
    """Colors of numbers.

    Attributes:
        low: the number of the first color.
        high: the number of the last color.
        colormap: a name of `ctal.maps.colormaps.apply_colormap`.
        unit: the unit of the numbers, or "".
        ends: words for the two ends, such as ("near", "far").
    """

    low: float
    high: float
    colormap: str
    unit: str = ""
    ends: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class SphereKey:
    """Colors of directions, as those of a sphere that the camera sees.

    Attributes:
        sphere: (3, N, N) uint8, the visualized normals of a sphere.
        inside: (N, N) bool, the pixels of the sphere.
        text: the meaning, in a few words.
    """

    sphere: Tensor
    inside: Tensor
    text: str


Key = ClassKey | ScaleKey | SphereKey
