"""Colors that several images share: one range of numbers and one key per task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.tasks import Task
from ctal.tasks.keys import ClassKey, Key
from ctal.visualization.panels import Cell, panel


def joined(task: Task, samples: Sequence[Mapping[str, Tensor]]) -> Tensor | None:
    """Join the maps of a task side by side as one map; None if no sample has one.

    As the reference of `Task.visualize`, it gives all of them the same colors.
    """
    maps = [sample[task.name].as_subclass(Tensor) for sample in samples if task.name in sample]
    return torch.cat(maps, dim=-1) if maps else None


def joint_key(
    task: Task, shown: Sequence[Mapping[str, Tensor]], reference: Tensor | None
) -> Key | None:
    """Return the key of the maps of several images: every class that is in one of them.

    Args:
        task: the task.
        shown: the maps of each image, labels or predictions.
        reference: the map that sets the colors (`joined`).
    """
    together = joined(task, shown)
    key = None if together is None else task.key(together, reference)
    if isinstance(key, ClassKey):  # shares of several images together say little
        return ClassKey([(color, name, None) for color, name, _ in key.entries])
    return key


def mean_errors(
    tasks: Sequence[Task], maps: Mapping[str, Tensor], labels: Mapping[str, Tensor]
) -> str:
    """Return the mean error of each task on one image, a line each; "-" without labels."""
    lines = ["mean error"]
    for task in tasks:
        mean = task.error(maps[task.name][None], labels[task.name][None]).nanmean().item()
        lines.append(f"{task.name} {_with_unit(mean, task.error_unit)}")
    return "\n".join(lines)


def _with_unit(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    return f"{100 * value if unit == '%' else value:.3g} {unit}".rstrip()


def labeled_panel(
    tasks: Sequence[Task],
    samples: Sequence[Mapping[str, Tensor]],
    predictions: Sequence[Mapping[str, Tensor]],
) -> Tensor:
    """Draw a row of labels and a row of predictions per image, with the keys of the colors below.

    Args:
        tasks: the tasks to show.
        samples: each with an "image" (3, H, W) in 0..1 and the labels of all tasks.
        predictions: the decoded maps of each.

    Returns:
        (3, H', W') uint8.
    """
    ranges = {task.name: joined(task, samples) for task in tasks}
    rows: list[list[Cell]] = []
    for sample, maps in zip(samples, predictions, strict=True):
        image = TF.to_dtype(sample["image"].as_subclass(Tensor), torch.uint8, scale=True)
        rows.append(
            [image, *(task.visualize(sample[task.name], ranges[task.name]) for task in tasks)]
        )
        rows.append([mean_errors(tasks, maps, sample)])
        rows[-1] += [task.visualize(maps[task.name], ranges[task.name]) for task in tasks]
    titles = ["Image", *(task.title for task in tasks)]
    keys = [joint_key(task, [*samples, *predictions], ranges[task.name]) for task in tasks]
    return panel(rows, titles, ["Ground truth", "Prediction"] * len(samples), [None, *keys])
