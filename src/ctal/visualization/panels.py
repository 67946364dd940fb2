"""Panels of images and maps with titles, error maps, PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.io.atomic import write_whole
from ctal.maps.colormaps import apply_colormap
from ctal.tasks.keys import Key
from ctal.visualization.keys import draw_key

GRAY = 128
"""Gray value of a pixel without a label."""

ERROR_COLORS = "inferno"
"""Colormap of `error_image`."""

Cell = Tensor | str | None
"""A cell of a panel: a (3, H, W) uint8 image, lines of text, or nothing."""

# The longer side of a tile: legible for images of 96x128, not too large for photographs.
_NARROWEST, _WIDEST = 256, 640
_GAP = 6
_LARGEST_FONT, _SMALLEST_FONT = 18, 8  # the largest for images up to 540 pixels wide


def panel(
    rows: Sequence[Sequence[Cell]],
    titles: Sequence[str],
    row_titles: Sequence[str] | None = None,
    keys: Sequence[Key | None] | None = None,
) -> Tensor:
    """Arrange images in a grid with column titles.

    Small images are enlarged by integer factors without smoothing, large ones are reduced.

    Args:
        rows: the grid; each row has a cell per title. All images have one size.
        titles: a title per column, of one line or several.
        row_titles: a title per row, written along its left edge.
        keys: the meaning of the colors of each column, drawn below it.

    Returns:
        (3, H', W') uint8 on white.
    """
    tiles = [
        [panel_tile(cell) if isinstance(cell, Tensor) else cell for cell in row] for row in rows
    ]
    size = next(cell.size for row in tiles for cell in row if isinstance(cell, Image.Image))
    font = fitting_font(titles, size[0])
    head = round(font.size * 1.3) * max(title.count("\n") + 1 for title in titles) + _GAP
    left = _GAP if row_titles is None else 2 * _GAP + _largest(size[1])
    lefts = [left + (size[0] + _GAP) * column for column in range(len(titles))]
    bottom = head + (size[1] + _GAP) * len(rows)
    letters = key_font(size[0])
    # a letter narrower than its column, so that the words of two keys do not meet
    below = [draw_key(key, size[0] - round(letters.size), letters) for key in keys or []]
    height = bottom + max((key.height + _GAP for key in below), default=0)
    canvas = Image.new("RGB", (lefts[-1] + size[0] + _GAP, height), "white")
    draw = ImageDraw.Draw(canvas)
    for start, title in zip(lefts, titles, strict=True):
        middle = (start + size[0] // 2, head - _GAP // 2)
        draw.multiline_text(middle, title, "black", font, "md", align="center")
    for start, key in zip(lefts, below, strict=keys is not None):
        canvas.paste(key, (start, bottom))
    for index, row in enumerate(tiles):
        top = head + index * (size[1] + _GAP)
        for start, tile in zip(lefts, row, strict=True):
            drawn = tile if isinstance(tile, Image.Image) else _written(tile or "", *size)
            canvas.paste(drawn, (start, top))
        if row_titles is not None:
            upright = _written(row_titles[index], size[1], left - _GAP)
            canvas.paste(upright.transpose(Image.Transpose.ROTATE_90), (_GAP // 2, top))
    return TF.pil_to_tensor(canvas)


def error_image(error: Tensor, limit: float) -> Tensor:
    """Visualize an error map: black at 0, through red, to pale yellow at `limit` and above.

    Args:
        error: (H, W), any unit; NaN where there is no label, shown in gray.
        limit: the error of the brightest color, in the same unit.

    Returns:
        (3, H, W) uint8.
    """
    unlabelled = error.isnan()
    share = (error / limit).clamp(0, 1).masked_fill(unlabelled, 0).cpu().numpy()
    colors = torch.from_numpy(apply_colormap(share, ERROR_COLORS)).permute(2, 0, 1)
    return torch.where(unlabelled.cpu(), torch.tensor(GRAY, dtype=torch.uint8), colors)


def save_png(image: Tensor, path: str | Path) -> None:
    """Write a (3, H, W) uint8 image as PNG, atomically.

    Raises:
        InputError: the file cannot be written.
    """
    pil_image = TF.to_pil_image(image)
    # Pillow's default level, 6, takes 3 times as long for 14 % less
    write_whole(Path(path), lambda file: pil_image.save(file, format="PNG", compress_level=2))


def panel_tile(pixels: Tensor) -> Image.Image:
    """Resize an image to its size in a panel."""
    image = TF.to_pil_image(pixels.cpu())
    width, height = image.size
    longer = max(width, height)
    if longer > _WIDEST:
        size = [max(1, round(side * _WIDEST / longer)) for side in (width, height)]
        return image.resize((size[0], size[1]), Image.Resampling.BOX)
    factor = max(1, round(_NARROWEST / longer))
    return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, part of matplotlib, which has Greek letters and arrows."""
    package = find_spec("matplotlib")  # importing it takes a quarter of a second
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size)


def key_font(width: int) -> ImageFont.FreeTypeFont:
    """Return the font of keys below a column of a width, in pixels."""
    return load_font(max(13, round(width / 23)))


def fitting_font(titles: Sequence[str], width: int) -> ImageFont.FreeTypeFont:
    """Return the largest font in which every line of the titles fits into `width` pixels."""
    lines = [line for title in titles for line in title.split("\n")]
    for size in range(_largest(width), _SMALLEST_FONT, -1):
        if all(load_font(size).getlength(line) <= width for line in lines):
            return load_font(size)
    return load_font(_SMALLEST_FONT)


def _largest(width: int) -> int:
    """Return the size of text beside an image of a width, in pixels."""
    return max(_LARGEST_FONT, width // 30)


def _written(text: str, width: int, height: int) -> Image.Image:
    """Draw lines of text in the middle of a white tile."""
    tile = Image.new("RGB", (width, height), "white")
    middle, font = (width // 2, height // 2), fitting_font([text], width)
    ImageDraw.Draw(tile).multiline_text(middle, text, "black", font, "mm", align="center")
    return tile
