"""Drawing of keys: classes with shares, a color bar, a sphere of directions."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torchvision.transforms.v2 import functional as TF

from ctal.maps.colormaps import apply_colormap
from ctal.tasks.keys import ClassKey, Key, ScaleKey, SphereKey, percent

_MOST_LINES = 6  # of classes, in as many columns as fit
_SPHERE = 5  # its height in lines of text

Font = ImageFont.FreeTypeFont


def draw_key(key: Key | None, width: int, font: Font) -> Image.Image:
    """Draw the meaning of colors on white, black text, as high as necessary.

    Args:
        key: the key, or None for an empty image.
        width: the width of the result, in pixels.
        font: the font of all text.
    """
    match key:
        case ClassKey():
            return _classes(key, width, font)
        case ScaleKey():
            return _scale(key, width, font)
        case SphereKey():
            return _sphere(key, width, font)
    return Image.new("RGB", (width, 1), "white")


def _classes(key: ClassKey, width: int, font: Font) -> Image.Image:
    """Draw the classes of a map in columns; the rarest in one line if there are too many."""
    line, swatch = round(1.4 * font.size), round(font.size)
    lines = [(color, f"{name}{_after_name(share)}") for color, name, share in key.entries]
    longest = max((font.getlength(text) for _, text in lines), default=0)
    columns = max(1, int(width / (longest + 2.4 * swatch)))
    if len(lines) > (most := columns * _MOST_LINES):
        others = key.entries[most - 1 :]
        total = None if others[0][2] is None else sum(share or 0 for _, _, share in others)
        lines = [*lines[: most - 1], ("", f"{len(others)} other classes{_after_name(total)}")]
    rows = ceil(len(lines) / columns)
    image = Image.new("RGB", (width, max(1, rows * line)), "white")
    draw = ImageDraw.Draw(image)
    for index, (color, text) in enumerate(lines):
        left, top = index // rows * (width // columns), index % rows * line
        if color:
            draw.rectangle((left, top, left + swatch, top + swatch), color, "black")
        draw.text((left + 1.4 * swatch, top + swatch // 2), text, "black", font, "lm")
    return image


def _after_name(share: float | None) -> str:
    return "" if share is None else f" {percent(share)}"


def _scale(key: ScaleKey, width: int, font: Font) -> Image.Image:
    """Draw a bar of the colors with three numbers below, and the words of its ends."""
    line = round(1.4 * font.size)
    image = Image.new("RGB", (width, 2 * line + line * any(key.ends)), "white")
    colors = apply_colormap(np.linspace(0, 1, width)[None].repeat(line - 2, 0), key.colormap)
    image.paste(Image.fromarray(colors), (0, 0))
    draw = ImageDraw.Draw(image)
    middle = (key.low + key.high) / 2
    unit = f" {key.unit}" if key.unit else ""
    for value, place, anchor in ((key.low, 0, "la"), (middle, width // 2, "ma")):
        draw.text((place, line), f"{value:.3g}{unit}", "black", font, anchor)
    draw.text((width - 1, line), f"{key.high:.3g}{unit}", "black", font, "ra")
    draw.text((0, 2 * line), key.ends[0], "black", font, "la")
    draw.text((width - 1, 2 * line), key.ends[1], "black", font, "ra")
    return image


def _sphere(key: SphereKey, width: int, font: Font) -> Image.Image:
    """Draw the sphere beside its text."""
    line = round(1.4 * font.size)
    side = min(_SPHERE * line, width)
    text = wrapped(key.text, width - side - line, font)
    image = Image.new("RGB", (width, max(side, line * len(text))), "white")
    inside: NDArray[np.bool_] = key.inside.numpy()
    ball = TF.to_pil_image(key.sphere).resize((side, side), Image.Resampling.LANCZOS)
    mask = Image.fromarray(inside.astype(np.uint8) * 255).resize((side, side))
    image.paste(ball, (0, 0), mask)
    draw = ImageDraw.Draw(image)
    for index, words in enumerate(text):
        draw.text((side + line // 2, index * line), words, "black", font, "la")
    return image


def wrapped(text: str, width: float, font: Font) -> list[str]:
    """Break a text into lines of a width; a word that is longer has its own line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
