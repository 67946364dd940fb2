"""Affinities as pictures: heat maps over the picture, and bars of what each task adds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from ctal.explanation.affinities import Affinities, Array
from ctal.explanation.pixels import Pixel
from ctal.tasks import Task
from ctal.visualization.panels import Cell, fitting_font, panel

_SHORTEST, _LONGEST = 320, 640  # the longer side, in pixels, of a shown picture: room for detail
_FAINTEST, _STRONGEST = 0.15, 0.85  # how much a heat map hides of the picture at 0, at its limit
_PALEST = 0.5  # how far the picture under a heat map is faded towards white
_BARS = ("#4878a8", "#b0b0b0")  # of tasks, of the bias


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (H, W) at which a picture of this size is shown: small ones in whole multiples."""
    longer = max(size)
    factor = math.ceil(_SHORTEST / longer) if longer < _SHORTEST else min(_LONGEST / longer, 1)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def enlarged(picture: Tensor, *, smooth: bool) -> Tensor:
    """A picture (3, H, W) uint8 at the size at which it is shown; painted classes stay unmixed."""
    mode = InterpolationMode.BILINEAR if smooth else InterpolationMode.NEAREST_EXACT
    size = list(shown_size((picture.shape[-2], picture.shape[-1])))
    return TF.resize(picture, size, mode, antialias=smooth)


def marked(picture: Tensor, pixel: Pixel, size: tuple[int, int]) -> Tensor:
    """A picture as it is shown, with a ring and a cross on a pixel.

    Args:
        picture: (3, H', W') uint8, of the size at which it is shown.
        pixel: (x, y) in the picture's own pixels.
        size: (H, W), the picture's own.
    """
    canvas = TF.to_pil_image(picture)
    draw = ImageDraw.Draw(canvas)
    x, y = ((p + 0.5) * n / m for p, n, m in zip(pixel, canvas.size, size[::-1], strict=True))
    reach = max(canvas.size) / 40
    # black under white is seen on any picture
    for colour, width in (("black", 5), ("white", 2)):
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=colour, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start, end = (x + dx * reach, y + dy * reach), (x + dx * reach * 2, y + dy * reach * 2)
            draw.line((start, end), fill=colour, width=width)
    return TF.pil_to_tensor(canvas)


def heat_map(values: Array, picture: Tensor, limit: float) -> Tensor:
    """A map of signed numbers over a picture: red above 0, blue below, the picture grey at 0.

    Args:
        values: (h, w), of the grid's size.
        picture: (3, H', W') uint8, of the size at which it is shown.
        limit: the absolute value painted as full scale.
    """
    size = [picture.shape[-2], picture.shape[-1]]
    maps = TF.resize(torch.from_numpy(values)[None], size, antialias=False)[0]
    shares = (maps / max(limit, torch.finfo(torch.float32).tiny)).clamp(-1, 1).numpy()
    colours = colormaps["seismic"](0.5 + 0.5 * shares)[..., :3]
    cover = (_FAINTEST + (_STRONGEST - _FAINTEST) * np.abs(shares))[..., None]
    grey = TF.rgb_to_grayscale(picture)[0].numpy()[..., None] / 255
    mixed = cover * colours + (1 - cover) * (_PALEST + (1 - _PALEST) * grey)
    return torch.from_numpy((255 * mixed).round().astype(np.uint8)).movedim(-1, 0)


def limit_of(values: Array) -> float:
    """The largest absolute value, the scale of a map of G."""
    return float(np.abs(values).max())


def bars(names: Sequence[str], shares: NDArray[np.float32], size: tuple[int, int]) -> Tensor:
    """Shares of 1 as labelled bars, (3, H', W') uint8; the last one is that of the bias."""
    height, width = size
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    lines = [f"{name}  {share:.0%}" for name, share in zip(names, shares, strict=True)]
    font = fitting_font(lines, width - 12)
    step = min(height / len(lines), 3.5 * font.size)
    for row, (line, share) in enumerate(zip(lines, shares, strict=True)):
        top = row * step + 0.15 * step
        end = 1 + float(share) * (width - 2)
        colour = _BARS[row == len(lines) - 1]
        start = top + 1.3 * font.size
        # of a picture of a few pixels' height, no bar is seen
        draw.rectangle((0, start, max(0, end), max(start, top + 0.85 * step)), fill=colour)
        draw.text((2, top), line, "black", font, "la")
    return TF.pil_to_tensor(canvas)


def explained(
    picture: Tensor,
    pixel: Pixel,
    tasks: Sequence[Task],
    maps: Mapping[str, Tensor],
    found: Affinities,
) -> Tensor:
    """Everything about one pixel on one panel: a column for each task of a CTAL module.

    Args:
        picture: (3, H, W) uint8.
        pixel: (x, y) in it.
        tasks: the network's tasks.
        maps: their decoded maps, at the picture's size.
        found: the affinities at the pixel.

    Returns:
        (3, H', W') uint8: rows of predictions, of A, of G and of what each task adds.
    """
    size = (picture.shape[-2], picture.shape[-1])
    shown = enlarged(picture, smooth=True)
    painted = {task.name: enlarged(task.visualize(maps[task.name]), smooth=False) for task in tasks}
    rows, sources = [list[Cell]() for _ in range(4)], [*found.tasks, "bias"]
    for t, name in enumerate(found.tasks):
        rows[0].append(marked(painted[name], pixel, size) if name in painted else None)
        affinity, mixed = found.affinity[name], found.mixed[name]
        for row, values, limit in ((1, affinity, 1.0), (2, mixed, limit_of(mixed))):
            rows[row].append(marked(heat_map(values, shown, limit), pixel, size))
        rows[3].append(bars(sources, found.shares[t], (shown.shape[-2], shown.shape[-1])))
    firsts: list[Cell] = [marked(shown, pixel, size), *_told(found)]
    grid = [[first, *row] for first, row in zip(firsts, rows, strict=True)]
    titles = [f"pixel x {pixel[0]}, y {pixel[1]}", *found.tasks]
    return panel(grid, titles, ["predicted", "affinity A", "mixed G", "added"])


def _told(found: Affinities) -> list[str]:
    """What stands before the rows of heat maps and bars: what they are, and in which range."""
    lines = [["cosine to the pixel's features", "dark red 1, grey 0, dark blue -1", ""]]
    lines.append(["weight of every pixel's values", "red above 0, blue below, scale:", ""])
    lines.append(["share of what each task adds", "to the features of this one", ""])
    for t, name in enumerate(found.tasks):
        affinity, mixed = found.affinity[name], found.mixed[name]
        lines[0].append(f"{name}: {affinity.min():.2f} to {affinity.max():.2f}")
        lines[1].append(f"{name}: ±{limit_of(mixed):.3g}")
        lines[2].append(f"{name}: {found.strength[t]:.3g} of what is kept")
    return ["\n".join(part) for part in lines]
