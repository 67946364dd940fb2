"""Checks that every task has labels, before training starts."""

from __future__ import annotations

from ctal.data.checks import checked_sample
from ctal.data.module import DenseDataModule
from ctal.errors import InputError


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
    """Check that every task has a label in the training split.

    Raises:
        InputError: A task has no label in train.
    """
    missing = unlabelled(data, "train")
    if missing:
        raise InputError(
            f"data.train: expected labels of every task, got none of {', '.join(missing)}; remove "
            "it from data.tasks"
        )


def unlabelled(data: DenseDataModule, split: str) -> list[str]:
    """Return the names of the tasks without a labelled pixel in any sample of a split."""
    dataset = data.datasets[split]
    missing = {task.name: task for task in data.tasks}
    if dataset is None:
        return []
    for index in range(len(dataset)):
        sample = checked_sample(dataset, index, data.tasks)
        for name, task in list(missing.items()):
            if name in sample and task.valid(sample[name][None]).any():
                del missing[name]
        if not missing:
            break
    return list(missing)
