"""Scores of several programs for the same labelled samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from ctal.data import Sample
from ctal.export.formats import Run
from ctal.tasks import Task


@torch.inference_mode()
def primary_scores(
    runs: Mapping[str, Run],
    tasks: Sequence[Task],
    batches: Iterable[Sample],
    *,
    raw: bool = False,
) -> dict[str, dict[str, float]]:
    """Compute the primary metric of every task.

    Args:
        runs: the programs by name, each from images to maps.
        tasks: the tasks to score.
        raw: whether the maps are raw; they are decoded then.
        batches: "image" (B, 3, H, W) in 0..1, and the labels of every task.

    Returns:
        {name of the program: {task name: value}}.
    """
    metrics = {
        name: {task.name: next(iter(task.metrics().values())) for task in tasks} for name in runs
    }
    for batch in batches:
        for name, run in runs.items():
            maps = run(batch["image"].as_subclass(torch.Tensor))
            for task in tasks:
                found = task.decode(maps[task.name]) if raw else maps[task.name]
                metrics[name][task.name].update(found, batch[task.name])
    return {
        name: {task: float(metric.compute()) for task, metric in own.items()}
        for name, own in metrics.items()
    }
