"""Predictions and errors of several networks on the same images, as Figure 4 of the CTAL paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.data.pipeline import completed
from ctal.inference.model import Model
from ctal.tasks import Task
from ctal.visualization.panels import Cell, error_image, panel


def comparison_figure(
    tasks: Sequence[Task], samples: Sequence[Mapping[str, Tensor]], models: Mapping[str, Model]
) -> Tensor:
    """Draw a row of labels for each sample, followed by a row for each network.

    A row contains, for each task, the visualized map and the error map. All rows of a sample use
    the same scales, so colors are comparable. The first cell of a network's row lists its mean
    errors.

    Args:
        tasks: the tasks to show, in the order of the columns.
        samples: an "image" (3, H, W) in 0..1 and its labels by task name. The labels of a task may
            be missing; they are drawn as an unlabelled map.
        models: the networks by their row titles.

    Returns:
        (3, H', W') uint8.
    """
    rows: list[list[Cell]] = []
    row_titles: list[str] = []
    for sample in samples:
        whole = completed(sample, tasks)
        rows.append(_label_row(tasks, whole))
        rows += [_predicted_row(tasks, whole, model) for model in models.values()]
        row_titles += ["ground truth", *models]
    titles = ["image"]
    for task in tasks:
        titles += [
            f"{task.name} [{task.unit}]",
            f"error of {task.name}\nblack 0, yellow ≥ {task.error_limit:g}, grey: no label",
        ]
    return panel(rows, titles, row_titles)


def _label_row(tasks: Sequence[Task], sample: Mapping[str, Tensor]) -> list[Cell]:
    row: list[Cell] = [TF.to_dtype(sample["image"], torch.uint8, scale=True)]
    for task in tasks:
        row += [task.visualize(sample[task.name]), None]
    return row


def _predicted_row(tasks: Sequence[Task], sample: Mapping[str, Tensor], model: Model) -> list[Cell]:
    maps = model.decoded(sample["image"])
    row: list[Cell] = []
    means = ["mean error"]
    for task in tasks:
        prediction, target = maps[task.name], sample[task.name]
        error = task.error(prediction[None], target[None])[0]
        row += [task.visualize(prediction, target), error_image(error, task.error_limit)]
        mean = error.nanmean().item()
        means.append(f"{task.name} {'-' if math.isnan(mean) else format(mean, '.3g')}")
    return ["\n".join(means), *row]
