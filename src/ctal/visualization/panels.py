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

from ctal.io.atomic import write_whole

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
    size = next(cell.size for row in tiles for cell in row if isinstance(cell, Image.Image))
    drawn = [[_drawn(cell, *size) for cell in row] for row in tiles]
    widths = [max(tile.width for tile in column) for column in zip(*drawn, strict=True)]
    font = fitting_font(titles, size[0])
    head = round(font.size * 1.3) * max(title.count("\n") + 1 for title in titles) + _GAP
    left = _GAP if row_titles is None else 2 * _GAP + _LARGEST_FONT
    lefts = [left + sum(widths[:column]) + _GAP * column for column in range(len(widths))]
    bottom = head + (size[1] + _GAP) * len(rows)
    canvas = Image.new("RGB", (lefts[-1] + widths[-1] + _GAP, bottom), "white")
    draw = ImageDraw.Draw(canvas)
    for start, width, title in zip(lefts, widths, titles, strict=True):
        middle = (start + width // 2, head - _GAP // 2)
        draw.multiline_text(middle, title, "black", font, "md", align="center")
    for index, row in enumerate(drawn):
        top = head + index * (size[1] + _GAP)
        for start, tile in zip(lefts, row, strict=True):
            canvas.paste(tile, (start, top))
        if row_titles is not None:
            upright = _written(row_titles[index], size[1], left - _GAP)
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


def _drawn(cell: Image.Image | str | Legend | None, width: int, height: int) -> Image.Image:
    """A cell as a tile: of this width, or as narrow as a legend is."""
    if isinstance(cell, Image.Image):
        return cell
    if cell is None or isinstance(cell, str):
        return _written(cell or "", width, height)
    return _explained(cell, width, height)


def _explained(legend: Legend, width: int, height: int) -> Image.Image:
    """A legend on white, a line for each colour; of too many the last are left out."""
    font = fitting_font([words for _, words in legend], width * 3 // 4)
    indent, line = round(1.5 * font.size), round(1.4 * font.size)
    longest = max((font.getlength(words) for _, words in legend), default=0)
    tile = Image.new("RGB", (min(width, indent + round(longest) + _GAP), height), "white")
    draw = ImageDraw.Draw(tile)
    for index, (colour, words) in enumerate(legend[: height // line]):
        top = index * line
        draw.rectangle((0, top, font.size, top + font.size), colour)
        draw.text((indent, top + font.size // 2), words, "black", font, "lm")
    return tile
