"""Texts of the demo page."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ctal.demo.surface import FIELD_OF_VIEW
from ctal.inference.model import Model
from ctal.profiling.cost import parameters
from ctal.tasks.keys import percent

INTRODUCTION = """
# ctal
One network predicts several maps of an image. **Move the pointer over an image** to read the values
there. **Click a pixel** to see which other pixels the network used for it. The image stays on the
machine that serves this page; an upload is deleted once it is read.
"""

AFFINITY = """
<h3>Similar pixels (A)</h3>
<p>Red pixels have features like those of the clicked pixel, for the named task: the cosine of the
angle is 1 in dark red, 0 in gray and -1 in dark blue.</p>
"""

MIXED = """
<h3>Weights of pixels (G)</h3>
<p>The network adds values of the red pixels and subtracts those of the blue ones: the affinities of
all tasks, mixed by weights of the clicked pixel.</p>
"""

SINGLE = """
<h3>Single-task networks</h3>
<p>Their predictions, in the same colors, for comparison.</p>
"""

SURFACES = f"""
<h3>depth in 3-D</h3>
Rotate it by dragging. The assumed horizontal field of view is {FIELD_OF_VIEW:g}°.
"""

BAR = (
    '<div class="ctal-name">{name}</div><div class="ctal-track">'
    '<div class="ctal-{kind}" style="width:{share:.1%}"></div></div>'
    '<div class="ctal-share">{text}</div>'
)

CAPTION = (
    '<div class="ctal-caption">Bars: lengths of the vectors added through the affinities of each '
    "task, as shares of their total. Length of their sum: {added}; of the features of {task}: "
    "{kept} (ratio {strength}). G in ±{limit}.</div>"
)


def affinity(pixel: tuple[int, int], size: tuple[int, int], values: str) -> str:
    """Describe the clicked pixel of an image of size (H, W) and the values of its maps."""
    x, y = pixel
    return (
        f"<h2>The clicked pixel</h2><p><b>pixel x {x}, y {y}</b> ({size[1]} x {size[0]}): "
        f"{html.escape(values)}</p>"
    )


def sentence(task: str, sources: Sequence[str], shares: Sequence[float], strength: float) -> str:
    """Explain the contributions to one task at a pixel in one sentence.

    Args:
        task: the task.
        sources: the tasks whose affinities contribute, and the bias.
        shares: of each source, their sum is 1.
        strength: the length of the added sum, relative to that of the features.
    """
    share, source = max(zip(shares, sources, strict=True))
    if source == sources[-1]:
        origin = f"equally from all of them (the bias, {percent_html(share)})"
    else:
        origin = f"from those that are similar in {html.escape(source)} ({percent_html(share)})"
    much = "little" if strength < 0.05 else "strongly" if strength > 0.3 else "slightly"
    return (
        f"For <b>{html.escape(task)}</b>, other pixels change the features here {much}, by "
        f"{percent_html(strength)} of their length, mostly {origin}."
    )


def percent_html(share: float) -> str:
    """Return a share in percent in HTML, where "<1 %" is escaped."""
    return html.escape(percent(share))


def predicted(size: tuple[int, int], note: str) -> str:
    """Return the line above the images: what is shown, and a note on an unfamiliar image."""
    warning = f'<p class="ctal-note">{html.escape(note)}</p>' if note else ""
    return f"<p>Predicted for an image of {size[1]} x {size[0]} pixels.</p>{warning}"


def about(model: Model, single: Model | None) -> str:
    """Describe the networks."""
    lines = [_line("with CTAL", model)] + ([_line("for comparison", single)] if single else [])
    return "\n\n".join(lines)


def _line(kind: str, model: Model) -> str:
    height, width = model.network.image_size
    name = type(model.network).__name__
    return f"{kind}: {name}, {parameters(model.network):,} parameters, {width} x {height} pixels"
