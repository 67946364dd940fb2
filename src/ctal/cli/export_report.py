"""Tables of `ctal export`: differences from PyTorch, scores and times."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ctal.evaluation.metric_info import Measure, measures
from ctal.export.formats import Format, Run
from ctal.export.latency import compiled
from ctal.export.parity import Difference
from ctal.export.tracing import Deployed
from ctal.profiling.cost import machine, run_latencies
from ctal.tasks import Task
from ctal.visualization.tables import aligned_table


def difference_lines(
    path: Path, model: Deployed, found: Mapping[str, Difference], images: str
) -> list[str]:
    """Describe the file, and the difference of its maps from PyTorch's on some images, in words."""
    network = model.network
    height, width = network.image_size
    size = "any size" if model.any_size else f"{height}x{width}"
    rows = [
        [task.name, "raw" if model.raw else task.unit, *_differences(found[task.name])]
        for task in network.tasks
    ]
    return [
        f"{path}: {type(network).__name__}, images of {size}, "
        f"{path.stat().st_size / 2**20:.1f} MiB",
        "",
        *aligned_table(["task", "unit", "max difference", "mean difference"], rows),
        "",
        f"- compared with PyTorch on {images}",
    ]


def _differences(found: Difference) -> list[str]:
    """Return the largest and the mean difference; of class ids only the share that differs."""
    if found.of_classes:
        return ["-", f"{100 * found.mean:.2g} % of pixels"]
    return [f"{found.largest:.2g}", f"{found.mean:.2g}"]


def score_lines(
    tasks: Sequence[Task], scores: Mapping[str, Mapping[str, float]], split: str
) -> list[str]:
    """Compare the scores of PyTorch with those of the file.

    Args:
        tasks: the tasks.
        scores: {program: {task name: value}} of two programs.
        split: the name of the split.
    """
    primary = [measure for measure in measures(tasks) if measure.primary]
    rows = []
    for measure in primary:
        before, after = (values[measure.task] for values in scores.values())
        cells = [_value(measure, before), _value(measure, after), _change(measure, before, after)]
        rows.append([measure.task, measure.title(), *cells])
    note = f"- scores on the {split} split of the data, at the network's size"
    return [*aligned_table(["task", "metric", *scores, "change"], rows), "", note]


def _value(measure: Measure, value: float) -> str:
    return f"{100 * value:.2f}" if measure.share else f"{value:.4g}"


def _change(measure: Measure, before: float, after: float) -> str:
    if measure.share:
        return f"{100 * (after - before):+.2f} points"
    return f"{100 * (after / before - 1):+.2f} %" if before else "-"


def time_lines(
    model: Deployed, form: Format, run: Run, images: Tensor, without_compiled: bool
) -> list[str]:
    """Return times of one image, and the machine they were measured on."""
    runs: dict[str, Callable[[Tensor], object]] = {form.runtime: run, "PyTorch, eager": model}
    lines = [f"- one image, medians of alternating runs; {machine(torch.device('cpu'))}"]
    if not without_compiled:
        sys.stderr.write("compiling PyTorch to time it, which takes minutes; the file is complete ")
        sys.stderr.write("(--without_compiled skips this)\n")
        fast, reason = compiled(model, images[:1])
        if fast is None:
            lines.append(f"- PyTorch, compiled: not timed, torch.compile failed ({reason})")
        else:
            runs["PyTorch, compiled"] = fast
    times = run_latencies({name: (run, images[:1]) for name, run in runs.items()})
    eager = times["PyTorch, eager"]
    rows = [[name, f"{time:.1f}", f"{time / eager:.2f}"] for name, time in times.items()]
    return [*aligned_table(["runs in", "ms per image", "relative to eager"], rows), "", *lines]
