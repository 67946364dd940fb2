"""Outputs of the demo for a visit: images as arrays and HTML, independent of gradio."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctal.demo.texts import BAR, CAPTION, affinity, percent_html, sentence
from ctal.demo.values import texts_at
from ctal.demo.visits import Visit
from ctal.explanation import Affinities, Pixel
from ctal.explanation.drawing import enlarged, heat_map, limit_of, marked
from ctal.tasks import Task

RGBArray = NDArray[np.uint8]
"""(H, W, 3)."""


class Explained(NamedTuple):
    """Outputs for a pixel: a caption, the image with the pixel marked, and three per task."""

    caption: str
    image: RGBArray
    affinity: list[RGBArray]
    mixed: list[RGBArray]
    added: list[str]


def visualized(visit: Visit, tasks: Sequence[Task]) -> tuple[list[RGBArray], list[RGBArray]]:
    """Visualize the predictions of CTAL and, in the same colors, of the single-task network."""
    several = [(task, visit.maps[task.name]) for task in tasks]
    ours = [task.visualize(maps) for task, maps in several]
    others = [
        task.visualize(visit.single[task.name], maps)
        for task, maps in several
        if task.name in visit.single
    ]
    first, second = ([_array(enlarged(p, smooth=False)) for p in row] for row in (ours, others))
    return first, second


def explained(visit: Visit, pixel: Pixel, module: str, tasks: Sequence[Task]) -> Explained:
    """Visualize the affinities of one CTAL module at a pixel (x, y) of the visit's image."""
    found = visit.seen[module].at_image(pixel, visit.size)
    height, width = visit.image.shape[-2:]
    place = pixel[0] * width // visit.size[1], pixel[1] * height // visit.size[0]
    values = " · ".join(texts_at(tasks, visit.maps, place))
    shown = enlarged(visit.image, smooth=True)

    def heat(values: NDArray[np.float32], limit: float) -> RGBArray:
        return _array(marked(heat_map(values, shown, limit), pixel, visit.size))

    return Explained(
        caption=affinity(pixel, visit.size, values),
        image=_array(marked(shown, pixel, visit.size)),
        affinity=[heat(found.affinity[task], 1.0) for task in found.tasks],
        mixed=[heat(found.mixed[task], limit_of(found.mixed[task])) for task in found.tasks],
        added=[_bars(found, index) for index in range(len(found.tasks))],
    )


def pixel_at(visit: Visit, place: object) -> Pixel:
    """Return the pixel of the visit's image at a position in a displayed image.

    Args:
        visit: the visit.
        place: [x, y] as the browser sends it; clipped to the image.
    """
    shown = enlarged(visit.image, smooth=True).shape[-2:]
    x, y = _numbers(place)
    (height, width), (rows, columns) = visit.size, shown
    return min(max(x * width // columns, 0), width - 1), min(max(y * height // rows, 0), height - 1)


def _numbers(place: Any) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _bars(found: Affinities, index: int) -> str:
    """Return the contributions to one task as bars, and their sum, in HTML."""
    task, shares = found.tasks[index], found.shares[index]
    added, kept = found.added[index], found.kept[index]
    rows = [
        BAR.format(name=html.escape(name), share=share, text=percent_html(share), kind=kind)
        for name, share, kind in zip(
            [*found.tasks, "bias"], shares, [*("task" for _ in found.tasks), "bias"], strict=True
        )
    ]
    caption = CAPTION.format(
        task=html.escape(task),
        limit=f"{limit_of(found.mixed[task]):.3g}",
        added=f"{added:.3g}",
        kept=f"{kept:.3g}",
        strength=f"{found.strength[index]:.2g}",
    )
    shown = sentence(task, [*found.tasks, "bias"], shares.tolist(), float(found.strength[index]))
    return f'<p>{shown}</p><div class="ctal-bars">{"".join(rows)}</div>{caption}'


def _array(image: Tensor) -> RGBArray:
    return np.ascontiguousarray(image.movedim(0, -1).numpy())
