"""Texts and style of the demo page."""

from __future__ import annotations

from ctal.demo.surface import FIELD_OF_VIEW
from ctal.inference.model import Model

INTRODUCTION = """
# ctal
Predictions of a network for an image, and the pixels that each task used. **Click a pixel in any
image.** Images stay on the machine that serves this page. An upload is deleted as soon as it is
read, everything else within five minutes.
"""

MIXED = """
<h3>mixed G</h3>
The weight of every pixel's values for the clicked pixel, for the named task: the affinities of all
tasks, mixed by the weights of that pixel. Red above 0, blue below; the scale is below each map.
"""

ADDED = """
<h3>contributions</h3>
The vectors that the affinities of each task, and the bias, add to the features of the task above at
the clicked pixel: their lengths, as shares of the total. Vectors can cancel each other, so the
length of their sum is shown too, beside that of the features it is added to.
"""

SINGLE = """
<h3>single-task</h3>
Predictions of single-task networks, in the same colors, for comparison.
"""

SURFACES = f"""
<h3>depth in 3-D</h3>
Rotate it with the mouse. The assumed horizontal field of view is {FIELD_OF_VIEW:g}°.
"""

BAR = (
    '<div class="ctal-name">{name}</div><div class="ctal-track">'
    '<div class="ctal-{kind}" style="width:{share}"></div></div>'
    '<div class="ctal-share">{share}</div>'
)

CAPTION = (
    '<div class="ctal-caption">G in ±{limit}. Length of the added sum: {added}, of the features of '
    "{task}: {kept} (ratio {strength}).</div>"
)

CSS = """
.ctal-bars {display: grid; grid-template-columns: auto 1fr auto; gap: 4px 8px; align-items: center}
.ctal-track {height: 12px; background: var(--block-border-color); border-radius: 2px}
.ctal-task, .ctal-bias {height: 12px; border-radius: 2px; background: #4878a8}
.ctal-bias {background: #909090}
.ctal-share {text-align: right; font-variant-numeric: tabular-nums}
.ctal-caption {margin-top: 6px; font-size: 90%}
.ctal-image img {cursor: crosshair}
footer {display: none}
"""


def affinity(pixel: tuple[int, int], size: tuple[int, int]) -> str:
    """Describe the affinity maps of a pixel in an image of size (H, W)."""
    x, y = pixel
    return (
        f"<h3>affinity A</h3>of <b>pixel x {x}, y {y}</b> ({size[1]} x {size[0]}): similarity of "
        "the task's features there and at every other pixel. Cosines: dark red 1, gray 0, dark "
        "blue -1."
    )


def about(model: Model, single: Model | None) -> str:
    """Describe the networks."""
    lines = [_line("with CTAL", model)] + ([_line("for comparison", single)] if single else [])
    return "\n\n".join(lines)


def _line(kind: str, model: Model) -> str:
    parameters = sum(p.numel() for p in model.network.parameters())
    height, width = model.network.image_size
    name = type(model.network).__name__
    return f"{kind}: {name}, {parameters:,} parameters, {width} x {height} pixels"
