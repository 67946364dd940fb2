"""Pictures for a person: panels with titles, error maps, PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import torch
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.files import write_whole

GREY = 128
"""The grey, on all channels, of a pixel without a label."""

Legend = Sequence[tuple[str, str]]
"""Colours "#rrggbb" and what they mean."""

Cell = Tensor | str | Legend | None
"""A place in a panel: a (3, H, W) uint8 picture, lines of text, a legend, or nothing."""

# The longer side of a tile: legible at 96x128, and no poster from a photograph.
_NARROWEST, _WIDEST = 256, 640
_GAP = 6
_LARGEST_FONT, _SMALLEST_FONT = 18, 8


def panel(
    rows: Sequence[Sequence[Cell]],
    titles: Sequence[str],
    row_titles: Sequence[str] | None = None,
) -> Tensor:
    """Lays pictures out in a grid under the titles of its columns.

    Small pictures are enlarged by whole factors without smoothing, large ones are shrunk.

    Args:
        rows: the grid; each row has a cell for each title. All pictures have one size.
        titles: a title for each column; it may have several lines.
        row_titles: a title for each row, written along its left edge.

    Returns:
        (3, H', W') uint8 on white.
    """
    tiles = [[_tile(cell) if isinstance(cell, Tensor) else cell for cell in row] for row in rows]
    width, height = next(c.size for row in tiles for c in row if isinstance(c, Image.Image))
    font = fitting_font(titles, width)
    head = round(font.size * 1.3) * max(title.count("\n") + 1 for title in titles) + _GAP
    left = _GAP if row_titles is None else 2 * _GAP + _LARGEST_FONT
    size = (left + (width + _GAP) * len(titles), head + (height + _GAP) * len(rows))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for column, title in enumerate(titles):
        centre = left + column * (width + _GAP) + width // 2
        draw.multiline_text((centre, head - _GAP // 2), title, "black", font, "md", align="center")
    for index, row in enumerate(tiles):
        top = head + index * (height + _GAP)
        for column, cell in enumerate(row):
            corner = (left + column * (width + _GAP), top)
            if isinstance(cell, Image.Image):
                canvas.paste(cell, corner)
            elif isinstance(cell, str):
                canvas.paste(_written(cell, width, height), corner)
            elif cell is not None:
                canvas.paste(_explained(cell, width, height), corner)
        if row_titles is not None:
            upright = _written(row_titles[index], height, left - _GAP)
            canvas.paste(upright.transpose(Image.Transpose.ROTATE_90), (_GAP // 2, top))
    return TF.pil_to_tensor(canvas)


def error_picture(error: Tensor, limit: float) -> Tensor:
    """Paints an error map: black at 0, through red, to pale yellow at `limit` and above.

    Args:
        error: (H, W), any unit; NaN where there is no label, painted grey.
        limit: the error painted as full scale, in the same unit.

    Returns:
        (3, H, W) uint8.
    """
    unlabelled = error.isnan()
    share = (error / limit).clamp(0, 1).masked_fill(unlabelled, 0).cpu().numpy()
    colours = torch.from_numpy(colormaps["inferno"](share, bytes=True)[..., :3]).permute(2, 0, 1)
    return torch.where(unlabelled.cpu(), torch.tensor(GREY, dtype=torch.uint8), colours)


def save_png(picture: Tensor, path: str | Path) -> None:
    """Writes a (3, H, W) uint8 picture as PNG, whole or not at all.

    Raises:
        InputError: the place cannot be written.
    """
    image = TF.to_pil_image(picture)
    write_whole(Path(path), lambda file: image.save(file, format="PNG"))


def _tile(picture: Tensor) -> Image.Image:
    """A picture at the size it has in a panel."""
    image = TF.to_pil_image(picture.cpu())
    width, height = image.size
    longer = max(width, height)
    if longer > _WIDEST:
        size = [max(1, round(side * _WIDEST / longer)) for side in (width, height)]
        return image.resize((size[0], size[1]), Image.Resampling.BOX)
    factor = max(1, round(_NARROWEST / longer))
    return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along: it has Greek letters and arrows."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size)


def fitting_font(titles: Sequence[str], width: int) -> ImageFont.FreeTypeFont:
    """The largest font in which every line of the titles fits into `width` pixels."""
    lines = [line for title in titles for line in title.split("\n")]
    for size in range(_LARGEST_FONT, _SMALLEST_FONT, -1):
        if all(_font(size).getlength(line) <= width for line in lines):
            return _font(size)
    return _font(_SMALLEST_FONT)


def _written(text: str, width: int, height: int) -> Image.Image:
    """Lines of text in the middle of a white tile."""
    tile = Image.new("RGB", (width, height), "white")
    middle, font = (width // 2, height // 2), fitting_font([text], width)
    ImageDraw.Draw(tile).multiline_text(middle, text, "black", font, "mm", align="center")
    return tile


def _explained(legend: Legend, width: int, height: int) -> Image.Image:
    """A legend on a white tile, a line for each colour; of too many the last are left out."""
    tile = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(tile), fitting_font([words for _, words in legend], width * 3 // 4)
    line = round(1.4 * font.size)
    for index, (colour, words) in enumerate(legend[: height // line]):
        top = index * line
        draw.rectangle((_GAP, top, _GAP + font.size, top + font.size), colour)
        draw.text((2 * _GAP + font.size, top + font.size // 2), words, "black", font, "lm")
    return tile
