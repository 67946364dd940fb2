"""Images and the short table of `ctal quickstart`."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from ctal.comparison.row import Row
from ctal.comparison.table import Comparison
from ctal.evaluation.metric_info import Measure
from ctal.inference.model import Model
from ctal.visualization.joint import labeled_panel
from ctal.visualization.tables import aligned_table

_COSTS = {
    "parameters": ("parameters, M", 1e-6, ".2f"),
    "gmacs": ("GMACs", 1.0, ".2f"),
    "latency_ms": ("ms per image", 1.0, ".0f"),
}
"""Title, factor and format of each cost in the table."""

_WHY = " (a short training; docs/results.md has longer ones)"
"""Added to the tasks in which CTAL is behind."""


def maps_figure(model: Model, samples: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Draw a row of labels and a row of predictions per image, in the same colors.

    Args:
        model: the model.
        samples: each with an "image" (3, H, W) in 0..1 and the labels of all tasks.

    Returns:
        (3, H', W') uint8.
    """
    return labeled_panel(model.tasks, samples, [model.decoded(each["image"]) for each in samples])


def summary(comparison: Comparison, folder: Path) -> str:
    """Return a table of five lines, the verdict, and the files to look at."""
    reference, other = comparison.networks()
    lines = ["", *_table(comparison, reference, other), ""]
    lines += [*_verdict(comparison, reference, other), ""]
    return "\n".join(lines) + _FILES.format(folder=folder, ctal=_program())


_FILES = """\
all metrics        {folder}/comparison.md
maps of CTAL       {folder}/multi_scale_ctal.png
both, with errors  {folder}/figure.png
use this network   {ctal} predict IMAGE --checkpoint {folder}/multi_scale_ctal/seed0
your own photos    {ctal} predict IMAGE (with the bundled model)
"""


def _program() -> str:
    """Return the command that starts ctal in the user's shell: in .venv/bin without activation."""
    if shutil.which("ctal"):
        return "ctal"
    script = Path(sys.argv[0])
    return os.path.relpath(script) if script.name == "ctal" else "python -m ctal"


def _table(comparison: Comparison, reference: Row, other: Row) -> list[str]:
    """Return the primary metrics and the costs of two networks, and their relative change."""
    primary = [measure for measure in comparison.measures if measure.primary]
    head = ["", *(f"{m.task} {m.title()}" for m in primary)]
    head += [title for title, _, _ in _COSTS.values()]
    body = [
        [row.name]
        + [_score(measure, row.mean()[measure.key]) for measure in primary]
        + [format(row.cost[key] * scale, form) for key, (_, scale, form) in _COSTS.items()]
        for row in (reference, other)
    ]
    changes = [_change(reference.mean()[m.key], other.mean()[m.key]) for m in primary]
    changes += [_change(reference.cost[key], other.cost[key]) for key in _COSTS]
    return aligned_table(head, [*body, ["relative change", *changes]])


def _score(measure: Measure, value: float) -> str:
    return f"{100 * value:.1f}" if measure.share else f"{value:#.3g}".rstrip(".")


def _change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.0f} %" if before else "-"


def _verdict(comparison: Comparison, reference: Row, other: Row) -> list[str]:
    """Return in which tasks and costs the second network is better, and in which it is not."""
    gain, _ = comparison.gains(other)
    ahead: list[str] = []
    behind: list[str] = []
    for measure in comparison.measures:
        before, after = reference.mean()[measure.key], other.mean()[measure.key]
        if measure.primary and before != after:
            better = (after > before) == measure.higher_is_better
            (ahead if better else behind).append(measure.task)
    why = _WHY if behind else ""
    for key, (title, _, _) in _COSTS.items():
        (ahead if other.cost[key] < reference.cost[key] else behind).append(title.split(",")[0])
    known = not math.isnan(gain)
    lines = [f"mean gain of {other.name} over the tasks (Δm): {gain:+.1f} %"] if known else []
    lines += [f"better in {', '.join(ahead)}"] if ahead else []
    lines += [f"worse in {', '.join(behind)}{why}"] if behind else []
    return lines
