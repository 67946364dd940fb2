"""Predictions and errors of several networks on the same images, as Figure 4 of the CTAL paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.data.pipeline import completed
from ctal.inference.model import Model
from ctal.maps.colormaps import apply_colormap
from ctal.tasks import Task
from ctal.tasks.classes import ClassTask
from ctal.tasks.keys import ClassKey, Key, ScaleKey
from ctal.visualization.joint import joined, joint_key, mean_errors
from ctal.visualization.panels import ERROR_COLORS, GRAY, Cell, error_image, panel

_NO_LABEL = ("#" + f"{GRAY:02x}" * 3, "no label", None)


def comparison_figure(
    tasks: Sequence[Task], samples: Sequence[Mapping[str, Tensor]], models: Mapping[str, Model]
) -> Tensor:
    """Draw a row of labels for each sample, followed by a row for each network.

    A row contains, for each task, the visualized map and the error map. All rows use the same
    scales, so colors are comparable; their keys are below. The first cell of a network's row lists
    its mean errors.

    Args:
        tasks: the tasks to show, in the order of the columns.
        samples: an "image" (3, H, W) in 0..1 and its labels by task name. The labels of a task may
            be missing; they are drawn as an unlabelled map.
        models: the networks by their row titles.

    Returns:
        (3, H', W') uint8.
    """
    labels = [completed(sample, tasks) for sample in samples]
    ranges = {task.name: joined(task, labels) for task in tasks}
    shown: list[Mapping[str, Tensor]] = list(labels)
    rows: list[list[Cell]] = []
    for sample in labels:
        rows.append(_label_row(tasks, sample, ranges))
        for model in models.values():
            shown.append(model.decoded(sample["image"]))
            rows.append(_predicted_row(tasks, sample, shown[-1], ranges))
    titles, keys = ["Image"], list[Key | None]([None])
    for task in tasks:
        titles += [task.title, f"Error of {task.name}"]
        keys += [joint_key(task, shown, ranges[task.name]), _error_key(task)]
    return panel(rows, titles, ["Ground truth", *models] * len(labels), keys)


def _error_key(task: Task) -> Key:
    if isinstance(task, ClassTask):
        colors = apply_colormap(np.array([[0.0, 1.0]]), ERROR_COLORS)[0]
        correct, wrong = (f"#{color.tobytes().hex()}" for color in colors)
        return ClassKey([(correct, "correct", None), (wrong, "wrong", None), _NO_LABEL])
    ends = ("gray: no label", "and more")
    return ScaleKey(0.0, task.error_limit, ERROR_COLORS, task.error_unit, ends)


def _label_row(
    tasks: Sequence[Task], sample: Mapping[str, Tensor], ranges: Mapping[str, Tensor | None]
) -> list[Cell]:
    row: list[Cell] = [TF.to_dtype(sample["image"], torch.uint8, scale=True)]
    for task in tasks:
        row += [task.visualize(sample[task.name], ranges[task.name]), None]
    return row


def _predicted_row(
    tasks: Sequence[Task],
    sample: Mapping[str, Tensor],
    maps: Mapping[str, Tensor],
    ranges: Mapping[str, Tensor | None],
) -> list[Cell]:
    row: list[Cell] = [mean_errors(tasks, maps, sample)]
    for task in tasks:
        error = task.error(maps[task.name][None], sample[task.name][None])[0]
        row.append(task.visualize(maps[task.name], ranges[task.name]))
        row.append(error_image(error, task.error_limit))
    return row
