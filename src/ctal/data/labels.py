"""Checks that every task has labels, before training starts."""

from __future__ import annotations

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from ctal.data.checks import checked_sample
from ctal.data.module import DenseDataModule
from ctal.errors import InputError
from ctal.tasks.depth import is_metric_depth

_FAR_DEPTH = 250
"""Meters beyond which the median of depth is reported; Cityscapes has 20 to 30, rooms 1 to 5."""


def check_labels(data: DenseDataModule, split: str) -> list[str]:
    """Check that every task has labels in the splits for training, selection and evaluation.

    It reads samples only until each task has a label, usually one sample.

    Args:
        data: The data of the networks to compare.
        split: The split on which they are evaluated.

    Returns:
        One sentence for each result that is unavailable due to missing labels.

    Raises:
        InputError: A task has no label in train.
    """
    check_learnable(data)
    lacking = {name: unlabelled(data, name) for name in dict.fromkeys(["val", split])}
    consequences = {
        "val": "the best checkpoint was selected without it",
        split: "it has no scores, and Δm is not computed (remove it from data.tasks to compute Δm)",
    }
    return [
        f"no sample of {name} has a label of {task}: {consequences[name]}"
        for name, tasks in lacking.items()
        for task in tasks
    ]


def check_learnable(data: DenseDataModule) -> None:
    """Check that every task has a label in the training split, and warn of depth in millimeters.

    Raises:
        InputError: A task has no label in train.
    """
    first = _first_labels(data, "train")
    for task in data.tasks:
        if is_metric_depth(task) and task.name in first:
            depth = first[task.name]
            median = depth[0, 0][task.valid(depth)[0]].median().item()
            if note := far_depth_note(task.name, median):
                rank_zero_warn(f"data.train: {note}")
    missing = [task.name for task in data.tasks if task.name not in first]
    if missing:
        raise InputError(
            f"data.train: expected labels of every task, got none of {', '.join(missing)}; remove "
            "it from data.tasks"
        )


def far_depth_note(name: str, median: float) -> str:
    """Return a note if depth is farther than a camera of rooms or streets sees, else "".

    Args:
        name: The name of the task.
        median: The median of depth, in meters.
    """
    if median <= _FAR_DEPTH:
        return ""
    return (
        f"{name}: the median is {median:.0f} m; for files in millimeters set `scale: 0.001` of the "
        "map"
    )


def unlabelled(data: DenseDataModule, split: str) -> list[str]:
    """Return the names of the tasks without a labelled pixel in any sample of a split."""
    if data.datasets[split] is None:
        return []
    first = _first_labels(data, split)
    return [task.name for task in data.tasks if task.name not in first]


def _first_labels(data: DenseDataModule, split: str) -> dict[str, Tensor]:
    """Return the first map of each task with a labelled pixel, with a leading 1, by task."""
    dataset, first = data.datasets[split], dict[str, Tensor]()
    if dataset is None:
        return first
    for index in range(len(dataset)):
        sample = checked_sample(dataset, index, data.tasks)
        for task in data.tasks:
            if task.name in first or task.name not in sample:
                continue
            target = sample[task.name][None]
            if task.valid(target).any():
                first[task.name] = target
        if len(first) == len(data.tasks):
            break
    return first
