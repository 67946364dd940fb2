"""Plots of Delta_m against parameters, multiply-adds and latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from ctal.comparison.annotations import Mark, annotate
from ctal.comparison.row import Row
from ctal.comparison.table import Comparison
from ctal.io.atomic import write_whole

_AXES = {
    "parameters": "parameters",
    "gmacs": "GMACs per image",
    "latency_ms": "ms per image",
}
# The colorblind-safe palette of Okabe and Ito with black, without its yellow, which is too pale on
# white. The number of shapes has no factor in common with that of colors, so pairs do not repeat.
_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
_SHAPES = ["o", "s", "^", "D", "v", "P", "X", "<", ">"]
_MARKER = 8  # points
_FRONT: dict[str, Any] = {"color": "0.75", "linewidth": 3}
_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 2 * _MARKER,
    "color": "black",
    "fillstyle": "none",
    "linestyle": "none",
}


def save_pareto(comparison: Comparison, path: Path) -> None:
    """Save the figure as PNG, or nothing where Delta_m is undefined.

    Raises:
        InputError: The file cannot be written.
    """
    figure = pareto_figure(comparison)
    if figure is None:
        path.unlink(missing_ok=True)  # left by an earlier comparison
        return
    write_whole(path, lambda file: figure.savefig(file, format="png"))


def pareto_figure(comparison: Comparison) -> Figure | None:
    """Draw one panel per cost, with a logarithmic axis and the Pareto front.

    Bars show the standard deviation over seeds. A ring marks the reference, and a dotted line its
    Delta_m of 0.

    Returns:
        The figure, or None if no network has a Delta_m.
    """
    rows = [row for row in comparison.networks() if math.isfinite(comparison.gains(row)[0])]
    if not rows:
        return None
    figure = Figure(figsize=(18, 6.5), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(_AXES), sharey=True)
    for axes, (key, title) in zip(panels, _AXES.items(), strict=True):
        _draw(axes, comparison, rows, key)
        axes.set_xlabel(title)
    panels[0].set_ylabel(f"Δm over {comparison.rows[0].name}, %")
    steps = [_steps(axes, comparison, rows, key) for axes, key in zip(panels, _AXES, strict=True)]
    _add_legend(figure)
    figure.draw_without_rendering()  # computes the layout, so that labels can be placed in pixels
    figure.set_layout_engine("none")
    for axes, key, line in zip(panels, _AXES, steps, strict=True):
        annotate(axes, [_mark(comparison, row, key, i) for i, row in enumerate(rows)], line)
    return figure


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the Pareto front of points (cost, gain).

    A point is on the front if no other one is cheaper and at least as good, or better at the same
    cost.

    Returns:
        The points of the front by increasing cost, which is increasing gain too.
    """
    best = -math.inf
    found = []
    for cost, gain in sorted(points, key=lambda point: (point[0], -point[1])):
        if gain > best:
            found.append((cost, gain))
            best = gain
    return found


def _draw(axes: Axes, comparison: Comparison, rows: Sequence[Row], key: str) -> None:
    axes.set_xscale("log")
    axes.axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    for index, row in enumerate(rows):
        cost, (gain, spread) = row.cost[key], comparison.gains(row)
        color, shape = _style(index)
        style: dict[str, Any] = {
            "color": color,
            "marker": shape,
            "markersize": _MARKER,
            "capsize": 3,
        }
        axes.errorbar(cost, gain, yerr=spread, zorder=3, **style)
        if row is comparison.rows[0]:
            axes.plot(cost, gain, **_RING, zorder=2)
    _scale(axes, [row.cost[key] for row in rows])
    axes.xaxis.set_major_formatter(EngFormatter() if key == "parameters" else "{x:g}")
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)


def _scale(axes: Axes, costs: Sequence[float]) -> None:
    """Add margins for labels around the markers, and choose the ticks of the axis."""
    low, high = min(costs), max(costs)
    space = max(1.2, (high / low) ** 0.15)
    axes.set_xlim(low / space, high * space)
    axes.margins(y=0.15)
    narrow = high < 10 * low  # less than a decade, which would have at most one tick
    axes.xaxis.set_major_locator(MaxNLocator(6) if narrow else LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())


def _steps(
    axes: Axes, comparison: Comparison, rows: Sequence[Row], key: str
) -> list[tuple[float, float]]:
    """Draw the front from the lower to the right edge of a panel, and return its corners."""
    right, low = axes.get_xlim()[1], axes.get_ylim()[0]
    corners = []
    for cost, gain in front([(row.cost[key], comparison.gains(row)[0]) for row in rows]):
        corners += [(cost, low), (cost, gain)]
        low = gain
    corners.append((right, low))
    axes.plot(*zip(*corners, strict=True), **_FRONT, zorder=1, scalex=False, scaley=False)
    return corners


def _add_legend(figure: Figure) -> None:
    """Add a legend of the front and the reference marker."""
    handles = [
        Line2D([], [], **_FRONT, label="Pareto front: highest Δm at this cost or below"),
        Line2D([], [], **_RING, label="reference"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)


def _mark(comparison: Comparison, row: Row, key: str, index: int) -> Mark:
    gain, spread = comparison.gains(row)
    reference = row is comparison.rows[0]
    return Mark(
        text=row.name + (" (reference)" if reference else ""),
        x=row.cost[key],
        y=gain,
        half_height=spread or 0.0,
        radius=_MARKER if reference else _MARKER / 2,
        color=_style(index)[0],
    )


def _style(index: int) -> tuple[str, str]:
    return _COLORS[index % len(_COLORS)], _SHAPES[index % len(_SHAPES)]
