"""Labels beside markers that overlap no label, marker, line or edge of the panel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

_WIDEST = 26  # characters of a line
_STEP = 6.0  # pixels between two candidate positions
_FINALISTS = 300  # best positions, for which the line to the marker is checked too
_GAP = 4.0  # pixels around a label
_NEAR = 20.0  # pixels up to which a label needs no line to its marker

Boxes = NDArray[np.float64]
"""Boxes (N, 4) as left, bottom, right, top, in pixels; a single box is (4,)."""

Points = NDArray[np.float64]
"""Points (..., 2), in pixels."""


@dataclass(frozen=True)
class Mark:
    """A marker to be labelled.

    Attributes:
        text: the label.
        x: horizontal position of the marker, in data coordinates.
        y: vertical position of the marker, in data coordinates.
        half_height: half of the length of its error bar, in data coordinates.
        radius: radius of the marker, in points.
        color: color of the label.
    """

    text: str
    x: float
    y: float
    half_height: float
    radius: float
    color: str


def annotate(axes: Axes, marks: Sequence[Mark], line: Sequence[tuple[float, float]] = ()) -> None:
    """Add a label to each marker, at the nearest free position.

    The size of the panel and the limits of its axes must be final. In a crowded panel, overlap is
    minimized.

    Args:
        axes: the panel.
        marks: the markers.
        line: the corners of a line that labels must not cover, in data coordinates; its segments
            are horizontal or vertical.
    """
    corners = axes.transData.transform([*line, (1.0, 1.0)])[:-1]  # transform rejects an empty list
    taken = np.concatenate([_around(corners), *(_covered(axes, mark) for mark in marks)])
    labels = np.empty((0, 4))
    frame = np.add(axes.get_window_extent().extents, [_GAP, _GAP, -_GAP, -_GAP])
    for mark in marks:
        text = axes.text(0, 0, _wrapped(mark.text), color=mark.color, fontsize=9, transform=None)
        text.set(zorder=5, path_effects=[withStroke(linewidth=2, foreground="white")])
        extent = text.get_window_extent()
        anchor = axes.transData.transform((mark.x, mark.y))
        box = _best_place(np.array([extent.width, extent.height]), anchor, frame, taken, labels)
        text.set_position((box[0] - extent.x0, box[1] - extent.y0))
        way = _way(anchor, box)
        taken = np.concatenate([taken, box[None], _around(way)])
        labels = np.concatenate([labels, box[None]])
        if np.hypot(*(way[-1] - anchor)) > _NEAR:
            ends = axes.transData.inverted().transform([anchor, way[-1]])
            axes.plot(*ends.T, color=mark.color, linewidth=0.7, scalex=False, scaley=False)


def _around(corners: Points) -> Boxes:
    """Return the area of a line, one box per segment."""
    low, high = (pick(corners[:-1], corners[1:]) for pick in (np.minimum, np.maximum))
    return np.concatenate([low - 1.0, high + 1.0], axis=1)


def _covered(axes: Axes, mark: Mark) -> Boxes:
    """Return the boxes of a marker and its error bar."""
    bar = [(mark.x, mark.y - mark.half_height), (mark.x, mark.y + mark.half_height)]
    (low, high), center = axes.transData.transform(bar), axes.transData.transform((mark.x, mark.y))
    assert axes.figure is not None
    radius = mark.radius * axes.figure.dpi / 72
    return np.array([[*(center - radius), *(center + radius)], [*(low - _GAP), *(high + _GAP)]])


def _best_place(size: Points, anchor: Points, frame: Boxes, taken: Boxes, labels: Boxes) -> Boxes:
    """Return the free box within the frame that is closest to an anchor."""
    last = np.maximum(frame[2:] - size, frame[:2])
    across, up = (np.arange(frame[i], last[i] + 1, _STEP) for i in (0, 1))
    lower = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    boxes = np.concatenate([lower, lower + size], axis=1)
    distance = np.hypot(*(np.clip(anchor, boxes[:, :2], boxes[:, 2:]) - anchor).T)
    beside = np.abs(boxes[:, [1, 3]].mean(axis=1) - anchor[1])  # prefer a place left or right
    inside = np.minimum(boxes[:, None, 2:] + _GAP, taken[:, 2:])
    inside = inside - np.maximum(boxes[:, None, :2] - _GAP, taken[:, :2])
    overlaps = (inside > 0).all(axis=-1).sum(axis=-1)
    cost = distance + 0.1 * beside + 1e4 * overlaps
    best = cost.argsort()[:_FINALISTS]
    points = _way(anchor, boxes[best])[:, :, None]  # on the line to the marker, if any
    crossed = ((points > labels[:, :2]) & (points < labels[:, 2:])).all(axis=-1).any(axis=-1)
    crosses = crossed.any(axis=-1) & (distance[best] > _NEAR)
    return boxes[best[(cost[best] + 100 * crosses).argmin()]]


def _way(anchor: Points, box: Boxes) -> Points:
    """Return points on the line from an anchor to the nearest point of each box (..., 4)."""
    end = np.clip(anchor, box[..., :2], box[..., 2:])
    share = np.linspace(0, 1, 9)[:, None]
    result: NDArray[Any] = anchor + share * (end - anchor)[..., None, :]
    return result


def _wrapped(text: str) -> str:
    """Wrap a name after hyphens, underscores and spaces."""
    lines = [""]
    for piece in re.findall(r"[^-_ ]*[-_ ]?", text):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > _WIDEST:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
