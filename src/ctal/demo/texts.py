"""What the demo's page says, and its style."""

from __future__ import annotations

from ctal.demo.surface import FIELD_OF_VIEW
from ctal.inference.model import Model

INTRODUCTION = """
# ctal
What a network predicts for a picture, and which pixels of which task helped. **Click a pixel in any
picture.** Pictures stay on the machine that serves this page, and are forgotten when it is closed.
"""

MIXED = """
<h3>mixed G</h3>
The weight with which the clicked pixel takes the values of every pixel, for the task named: the
affinities of all tasks, mixed by weights of that pixel. Red above 0, blue below, each map in its
scale, told below it.
"""

ADDED = """
<h3>who adds what</h3>
How much the affinities of each task, and the bias, add to the features of the task above at the
clicked pixel: lengths of vectors, as shares of their sum. They may cancel each other, so the length
of what they add up to is told too, beside that of the features that are kept.
"""

SINGLE = """
<h3>single-task</h3>
What networks of one task each say, in the same colours: what the tasks gain, or lose, by sharing.
"""

SURFACES = f"""
<h3>depth in 3-D</h3>
Turn it with the mouse. The picture does not tell the camera's field of view:
{FIELD_OF_VIEW:g}° across are assumed.
"""

BAR = (
    '<div class="ctal-name">{name}</div><div class="ctal-track">'
    '<div class="ctal-{kind}" style="width:{share}"></div></div>'
    '<div class="ctal-share">{share}</div>'
)

TOLD = (
    '<div class="ctal-told">G in ±{limit}. Length of the sum of what is added: {added}, of what is '
    "kept of {task}: {kept} (ratio {strength}).</div>"
)

CSS = """
.ctal-bars {display: grid; grid-template-columns: auto 1fr auto; gap: 4px 8px; align-items: center}
.ctal-track {height: 12px; background: var(--block-border-color); border-radius: 2px}
.ctal-task, .ctal-bias {height: 12px; border-radius: 2px; background: #4878a8}
.ctal-bias {background: #909090}
.ctal-share {text-align: right; font-variant-numeric: tabular-nums}
.ctal-told {margin-top: 6px; font-size: 90%}
.ctal-picture img {cursor: crosshair}
footer {display: none}
"""


def affinity(pixel: tuple[int, int], size: tuple[int, int]) -> str:
    """What the affinity maps are, and of which pixel, in a picture of size (H, W)."""
    x, y = pixel
    return (
        f"<h3>affinity A</h3>of <b>pixel x {x}, y {y}</b> ({size[1]} x {size[0]}): how alike the "
        "features of the task are there and everywhere else. Cosines: dark red 1, grey 0, dark "
        "blue -1."
    )


def about(model: Model, single: Model | None) -> str:
    """Which networks these are."""
    lines = [_line("with CTAL", model)] + ([_line("beside it", single)] if single else [])
    return "\n\n".join(lines)


def _line(kind: str, model: Model) -> str:
    parameters = sum(p.numel() for p in model.network.parameters())
    height, width = model.network.image_size
    name = type(model.network).__name__
    return f"{kind}: {name}, {parameters:,} parameters, {width} x {height} pixels"
