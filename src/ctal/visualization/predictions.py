"""An image beside its predicted maps, each with a title and the meaning of its colors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.tasks import Task
from ctal.tasks.colours import colorize
from ctal.tasks.entropy import ENTROPY
from ctal.tasks.keys import Key, ScaleKey
from ctal.visualization.keys import draw_key, wrapped
from ctal.visualization.panels import key_font, panel_tile

_NARROWEST = 260  # of a column, for its key
_NOTE = ("#fff3cd", "black")  # background and text
_UNSURE = ScaleKey(0.0, 1.0, "cividis", "", ("sure", "unsure"))


class Column(NamedTuple):
    """A column of a panel: (3, H, W) uint8 with a title, and a key below."""

    title: str
    image: Tensor
    key: Key | None = None


def prediction_columns(
    image: Tensor,
    tasks: Sequence[Task],
    maps: Mapping[str, Tensor],
    references: Mapping[str, Tensor] | None = None,
    *,
    overlay: bool = False,
) -> list[Column]:
    """Return the columns of an image and of its predicted maps.

    Args:
        image: (3, H, W) uint8.
        tasks: the tasks.
        maps: a decoded map for each, and the entropies of some (`Task.entropy`).
        references: maps whose ranges set the colors, by default `maps`.
        overlay: blend the maps with the image.
    """
    references = references or maps
    half = image // 2
    columns = [Column("Image", image)]
    for task in tasks:
        prediction, reference = maps[task.name], references[task.name]
        layer = task.visualize(prediction, reference)
        layer = half + layer // 2 if overlay else layer
        columns.append(Column(task.title, layer, task.key(prediction, reference)))
    for task in tasks:
        if (unsure := maps.get(task.name + ENTROPY)) is not None:
            columns.append(Column(f"Entropy of {task.name}", _colored(unsure), _UNSURE))
    return columns


def prediction_panel(columns: Sequence[Column], note: str = "") -> Tensor:
    """Arrange columns side by side, with a note below all of them.

    Text is sized to the images, and is black on white.

    Returns:
        (3, H', W') uint8.
    """
    tiles = [panel_tile(column.image) for column in columns]
    width = max(_NARROWEST, *(image.width for image in tiles))
    font = key_font(width)
    gap = round(font.size * 0.6)
    head, height = round(font.size * 1.5), max(image.height for image in tiles)
    keys = [draw_key(column.key, width, font) for column in columns]
    words = wrapped(note, (width + gap) * len(columns) - 3 * gap, font) if note else []
    line = round(1.4 * font.size)
    below = head + height + gap + max(key.height for key in keys) + gap
    size = ((width + gap) * len(columns) + gap, below + bool(words) * (len(words) * line + gap))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for index, (column, image, key) in enumerate(zip(columns, tiles, keys, strict=True)):
        left = gap + index * (width + gap)
        draw.text((left, head // 2 + 2), column.title, "black", font, "lm")
        canvas.paste(image, (left, head))
        canvas.paste(key, (left, head + height + gap))
    if words:
        draw.rectangle((0, below, *size), _NOTE[0])
    for index, text in enumerate(words):
        draw.text((gap, below + gap // 2 + index * line), text, _NOTE[1], font, "la")
    return TF.pil_to_tensor(canvas)


def _colored(entropy: Tensor) -> Tensor:
    return colorize(entropy.reshape(entropy.shape[-2:]).to(torch.float32), 0, 1, _UNSURE.colormap)
