"""Affinities as images: heat maps over the image, and bars of the contribution of each task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from ctal.explanation.affinities import Affinities, Array
from ctal.explanation.pixels import Pixel
from ctal.maps.colormaps import apply_colormap
from ctal.tasks import Task
from ctal.tasks.keys import Key, percent
from ctal.visualization.panels import Cell, fitting_font, panel

_SHORTEST, _LONGEST = 320, 640  # the longer side of a displayed image, in pixels
_FAINTEST, _STRONGEST = 0.15, 0.85  # opacity of a heat map at 0 and at its limit
_PALEST = 0.5  # how far the image under a heat map is faded to white
_BARS = ("#4878a8", "#b0b0b0")  # of tasks, of the bias


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (H, W) at which an image is displayed, an integer multiple for small ones."""
    longer = max(size)
    factor = math.ceil(_SHORTEST / longer) if longer < _SHORTEST else min(_LONGEST / longer, 1)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def enlarged(image: Tensor, *, smooth: bool) -> Tensor:
    """Resize an image (3, H, W) uint8 to its displayed size; colors of classes are not mixed."""
    mode = InterpolationMode.BILINEAR if smooth else InterpolationMode.NEAREST_EXACT
    size = list(shown_size((image.shape[-2], image.shape[-1])))
    return TF.resize(image, size, mode, antialias=smooth)


def marked(image: Tensor, pixel: Pixel, size: tuple[int, int]) -> Tensor:
    """Mark a pixel of a displayed image with a ring and a cross.

    Args:
        image: (3, H', W') uint8, at its displayed size.
        pixel: (x, y) in pixels of the original image.
        size: (H, W) of the original image.
    """
    canvas = TF.to_pil_image(image)
    draw = ImageDraw.Draw(canvas)
    x, y = ((p + 0.5) * n / m for p, n, m in zip(pixel, canvas.size, size[::-1], strict=True))
    reach = max(canvas.size) / 40
    # black under white is visible on any image
    for color, width in (("black", 5), ("white", 2)):
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=color, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start, end = (x + dx * reach, y + dy * reach), (x + dx * reach * 2, y + dy * reach * 2)
            draw.line((start, end), fill=color, width=width)
    return TF.pil_to_tensor(canvas)


def heat_map(values: Array, image: Tensor, limit: float) -> Tensor:
    """Overlay a map of signed numbers on an image: red above 0, blue below, gray at 0.

    Args:
        values: (h, w), of the size of the grid.
        image: (3, H', W') uint8, at its displayed size.
        limit: the absolute value of the strongest color.
    """
    size = [image.shape[-2], image.shape[-1]]
    maps = TF.resize(torch.from_numpy(values)[None], size, antialias=False)[0]
    shares = (maps / max(limit, torch.finfo(torch.float32).tiny)).clamp(-1, 1).numpy()
    colors = apply_colormap(0.5 + 0.5 * shares, "seismic") / 255
    cover = (_FAINTEST + (_STRONGEST - _FAINTEST) * np.abs(shares))[..., None]
    gray = TF.rgb_to_grayscale(image)[0].numpy()[..., None] / 255
    mixed = cover * colors + (1 - cover) * (_PALEST + (1 - _PALEST) * gray)
    return torch.from_numpy((255 * mixed).round().astype(np.uint8)).movedim(-1, 0)


def limit_of(values: Array) -> float:
    """Return the largest absolute value, the scale of a map of G."""
    return float(np.abs(values).max())


def bars(names: Sequence[str], shares: NDArray[np.float32], size: tuple[int, int]) -> Tensor:
    """Draw shares of 1 as labelled bars, (3, H', W') uint8; the last one is that of the bias."""
    height, width = size
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    lines = [f"{name}  {percent(share)}" for name, share in zip(names, shares, strict=True)]
    font = fitting_font(lines, width - 12)
    step = min(height / len(lines), 4.5 * font.size)
    above = (height - step * len(lines)) / 2  # the caption beside them is in the middle, too
    for row, (line, share) in enumerate(zip(lines, shares, strict=True)):
        top = above + (row + 0.15) * step
        end = 1 + float(share) * (width - 2)
        color = _BARS[row == len(lines) - 1]
        start = top + 1.3 * font.size
        # in an image a few pixels high, no bar is visible
        draw.rectangle((0, start, max(0, end), max(start, top + 0.85 * step)), fill=color)
        draw.text((2, top), line, "black", font, "la")
    return TF.pil_to_tensor(canvas)


def explained(
    image: Tensor,
    pixel: Pixel,
    tasks: Sequence[Task],
    maps: Mapping[str, Tensor],
    found: Affinities,
) -> Tensor:
    """Draw the affinities of one pixel as a panel with a column per task of a CTAL module.

    Args:
        image: (3, H, W) uint8.
        pixel: (x, y) in the image.
        tasks: the tasks of the network.
        maps: their decoded maps, at the size of the image.
        found: the affinities at the pixel.

    Returns:
        (3, H', W') uint8: rows of predictions, of A, of G and of contributions; below them, the
        keys of the predictions.
    """
    size = (image.shape[-2], image.shape[-1])
    shown = enlarged(image, smooth=True)
    drawn = {task.name: enlarged(task.visualize(maps[task.name]), smooth=False) for task in tasks}
    rows, sources = [list[Cell]() for _ in range(4)], [*found.tasks, "bias"]
    for t, name in enumerate(found.tasks):
        rows[0].append(marked(drawn[name], pixel, size) if name in drawn else None)
        affinity, mixed = found.affinity[name], found.mixed[name]
        for row, values, limit in ((1, affinity, 1.0), (2, mixed, limit_of(mixed))):
            rows[row].append(marked(heat_map(values, shown, limit), pixel, size))
        rows[3].append(bars(sources, found.shares[t], (shown.shape[-2], shown.shape[-1])))
    firsts: list[Cell] = [marked(shown, pixel, size), *_captions(found)]
    grid = [[first, *row] for first, row in zip(firsts, rows, strict=True)]
    titles, keys = [f"Pixel x {pixel[0]}, y {pixel[1]}"], list[Key | None]([None])
    known = {task.name: task for task in tasks}
    for name in found.tasks:
        titles.append(known[name].title if name in known else name)
        keys.append(known[name].key(maps[name]) if name in known else None)
    return panel(grid, titles, ["Prediction", "Affinity A", "Mixed G", "Added"], keys)


def _captions(found: Affinities) -> list[str]:
    """Return the captions of the rows of heat maps and bars, with their ranges."""
    lines = [["similarity to the marked pixel", "red 1, gray 0, blue -1; range:", ""]]
    lines.append(["weight of each pixel's values", "red: positive, blue: negative", ""])
    lines.append(["contribution of each task", "to the features of this pixel", ""])
    for t, name in enumerate(found.tasks):
        affinity, mixed = found.affinity[name], found.mixed[name]
        lines[0].append(f"{name}: {affinity.min():.2f} to {affinity.max():.2f}")
        lines[1].append(f"{name}: ±{limit_of(mixed):.3g}")
        lines[2].append(f"{name}: changed by {percent(found.strength[t])}")
    return ["\n".join(part) for part in lines]
