"""Losses of tasks that a configuration chooses, and the counts that balanced ones need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch

from ctal.data import DenseDataModule
from ctal.errors import InputError
from ctal.losses import Criterion
from ctal.tasks import Task


def with_criteria(tasks: Sequence[Task], criteria: Mapping[str, Criterion]) -> list[Task]:
    """Return the tasks with other losses.

    Args:
        tasks: the tasks.
        criteria: losses by the name of their task.

    Raises:
        InputError: a name is not that of a task, or the task has no such loss.
    """
    names = [task.name for task in tasks]
    unknown = sorted(set(criteria) - set(names))
    if unknown:
        raise InputError(
            f"model.criteria: unknown task {unknown[0]!r}; the network's tasks are "
            f"{', '.join(names)}"
        )
    return [
        with_criterion(task, criteria[task.name]) if task.name in criteria else task
        for task in tasks
    ]


def with_criterion(task: Task, criterion: Criterion) -> Task:
    """Return a task with another loss.

    Raises:
        InputError: the task has no such loss.
    """
    where = f"model.criteria.{task.name}"
    if not hasattr(task, "criterion"):
        raise InputError(
            f"{where}: {type(task).__name__} has one loss only, and no argument criterion; leave "
            "it out"
        )
    try:
        return cast(Task, dataclasses.replace(cast(Any, task), criterion=criterion))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def train_counts(data: object) -> Callable[[Task], list[int]]:
    """Return a function that counts the pixels of each class of a task in the train split.

    Each training image is read once, at the training's size and without augmentation.

    Args:
        data: the data module of the trainer.
    """

    def count(task: Task) -> list[int]:
        if not isinstance(data, DenseDataModule):
            raise InputError(
                "class_weights: 'balanced' needs a ctal.data.DenseDataModule to count the classes "
                f"of, got {type(data).__name__}; give a list of weights"
            )
        samples = data.prepared("train")
        total = torch.zeros(task.channels, dtype=torch.int64)
        for index in range(len(samples)):
            target = samples[index].get(task.name)
            if target is not None:
                classes = target.as_subclass(torch.Tensor)[task.valid(target)].cpu()
                total += classes.bincount(minlength=task.channels)
        return [int(number) for number in total]

    return count
