"""Contact sheet of `ctal predict`: the panels of many images below each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.visualization.panels import load_font, save_png
from ctal.visualization.selection import evenly_spaced

NAME = "contact_sheet"
"""Name of the file, without its ending; no input may have it."""

_MOST = 24  # panels
_WIDTH = 1200  # of a panel, in pixels
_LINE = 24  # height of a name above its panel


def check_sheet(names: Sequence[str]) -> None:
    """Check that no output of an input has the name of the sheet.

    Raises:
        InputError: one has.
    """
    if NAME in names:
        raise InputError(
            f"contact_sheet: expected no input of the name {NAME}, which is that of the sheet; "
            "rename it"
        )


def write_sheet(output: Path, names: Sequence[str]) -> Path | None:
    """Write the panels of inputs, evenly spaced ones of many; None if there is no panel.

    Args:
        output: the folder of the panels, and of the sheet.
        names: names of the inputs; those without a panel, such as videos, are left out.

    Raises:
        InputError: the file cannot be written.
    """
    found = [name for name in names if (output / f"{name}.png").is_file()]
    if not found:
        return None
    chosen = [found[index] for index in evenly_spaced(len(found), _MOST)]
    panels = [_reduced(output / f"{name}.png") for name in chosen]
    height = sum(panel.height + _LINE for panel in panels)
    sheet = Image.new("RGB", (_WIDTH, height), "white")
    draw, top = ImageDraw.Draw(sheet), 0
    for name, panel in zip(chosen, panels, strict=True):
        draw.text((6, top + _LINE // 2), name, "black", load_font(15), "lm")
        sheet.paste(panel, (0, top + _LINE))
        top += panel.height + _LINE
    save_png(TF.pil_to_tensor(sheet), output / f"{NAME}.png")
    return output / f"{NAME}.png"


def _reduced(file: Path) -> Image.Image:
    with Image.open(file) as panel:
        size = (_WIDTH, max(1, round(panel.height * _WIDTH / panel.width)))
        return panel.convert("RGB").resize(size, Image.Resampling.LANCZOS)
