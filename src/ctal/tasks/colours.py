"""Colors of classes and of numbers; black always means "no label"."""

from __future__ import annotations

import colorsys

import torch
from torch import Tensor

from ctal.maps.colormaps import apply_colormap

GOLDEN_RATIO = 0.618034

_FIRST = (
    *("#3c69b4", "#ff0f00", "#00ffb4", "#96005a", "#8700ff", "#ffe100", "#b487a5", "#3c1ea5"),
    *("#b4f078", "#78c3ff", "#d2785a", "#960000", "#8769ff", "#ffb43c", "#a5fff0", "#5a2d78"),
    *("#f00f78", "#784b3c", "#1e960f", "#b4b4a5", "#ff78e1", "#d21ec3", "#96c387", "#c3b45a"),
)
"""Chosen one after the other to be as far as possible from those before, in CIELAB, for full color
vision and for protanopia, deuteranopia and tritanopia (simulated as in Machado et al., 2009)."""


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
