"""Colors of classes and of numbers; black always means "no label"."""

from __future__ import annotations

import colorsys

import torch
from torch import Tensor

from ctal.maps.colormaps import apply_colormap

GOLDEN_RATIO = 0.618034

_FIRST = (
    *("#3e3e9f", "#fffa00", "#bfffe6", "#8c1f0b", "#8e9038", "#2fa0ef", "#8dc300", "#8849f3"),
    *("#e43b9d", "#0a7d45", "#f68893", "#ffc786", "#0be5ff", "#e5220d", "#8c284f", "#c6c3c8"),
    *("#0d26ff", "#9b6e72", "#d697d2", "#821a76", "#b864cf", "#ce334a", "#67c65f", "#48fd55"),
)
"""The first 13, the classes of NYUv2, are as far apart as a random search found, in CIELAB and
OKLab, for full color vision and for protanopia, deuteranopia and tritanopia (simulated as in
Machado et al., 2009). The other 11 were found in the same way; the most distant come first."""


def class_colours(count: int) -> list[str]:
    """Return the default colors "#rrggbb" of `count` classes, none of them near black.

    The first 24 are distinct for color-blind readers too. Of the others, the hue advances by the
    golden ratio of the circle, which keeps any number of hues well apart; saturation and brightness
    vary in cycles of 2 and 3, so that neighbors in hue differ in them.
    """
    colours = list(_FIRST[:count])
    for index in range(len(_FIRST), count):
        hue = (0.6 + index * GOLDEN_RATIO) % 1
        saturation = (0.85, 0.5)[index % 2]
        brightness = (0.95, 0.7, 0.5)[index % 3]
        rgb = colorsys.hsv_to_rgb(hue, saturation, brightness)
        colours.append("#" + "".join(f"{round(255 * part):02x}" for part in rgb))
    return colours


def colorize(values: Tensor, low: float, high: float, colormap: str) -> Tensor:
    """Colorize a map of numbers (H, W) as an image (3, H, W) uint8.

    Args:
        values: the numbers; NaN becomes black.
        low: value of the first color of the colormap; lower values are clipped.
        high: value of the last color; higher values are clipped.
        colormap: name of a colormap of matplotlib.
    """
    # not 0, for a map of one value
    span = max(high - low, torch.finfo(torch.float32).tiny)
    shares = ((values.detach().float().cpu() - low) / span).clamp(0, 1)
    colours = torch.from_numpy(apply_colormap(shares.nan_to_num().numpy(), colormap))
    picture = torch.where(shares.isnan().unsqueeze(-1), 0, colours)
    return picture.movedim(-1, 0)


paint_values = colorize  # the name in ctal 0.1, which tasks outside this package import
