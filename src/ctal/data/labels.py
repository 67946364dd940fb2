"""Tasks without labels, found before a training and not when its scores turn out to be missing."""

from __future__ import annotations

from ctal.data.checks import checked_sample
from ctal.data.module import DenseDataModule
from ctal.errors import InputError


def check_labels(data: DenseDataModule, split: str) -> list[str]:
    """Looks whether every task has labels to learn from, to choose by and to be scored on.

    It reads no more samples than it takes to find a label of each task, mostly one.

    Args:
        data: the data of the networks to compare.
        split: what they are scored on.

    Returns:
        What the table cannot tell for lack of labels, a sentence each.

    Raises:
        InputError: a task has no label in train.
    """
    check_learnable(data)
    lacking = {name: unlabelled(data, name) for name in dict.fromkeys(["val", split])}
    consequences = {
        "val": "the best checkpoint was chosen without it",
        split: "it has no scores, and there is no Δm (leave it out of data.tasks to have one)",
    }
    return [
        f"no picture of {name} has a label of {task}: {consequences[name]}"
        for name, tasks in lacking.items()
        for task in tasks
    ]


def check_learnable(data: DenseDataModule) -> None:
    """Looks whether every task has a label to learn from.

    Raises:
        InputError: a task has none in train.
    """
    missing = unlabelled(data, "train")
    if missing:
        raise InputError(
            f"data.train: none of its pictures has a label of {', '.join(missing)}; leave that out "
            "of data.tasks"
        )


def unlabelled(data: DenseDataModule, split: str) -> list[str]:
    """The names of the tasks of which no sample of a split has one labelled pixel."""
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
