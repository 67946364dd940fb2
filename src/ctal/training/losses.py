"""The losses of all tasks for a batch, and the fixed weights that a person gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from ctal.errors import InputError
from ctal.networks import Predictions
from ctal.tasks import Task


class TaskLosses:
    """What a network's predictions for a batch cost, task by task.

    Args:
        tasks: the tasks.
        weights: fixed weights of some tasks, by name; 1 for the others.

    Attributes:
        weights: the weight of every task.

    Raises:
        InputError: a weight is not that of a task, or negative, or not finite.
    """

    def __init__(self, tasks: Sequence[Task], weights: Mapping[str, float]) -> None:
        self.tasks = list(tasks)
        self.weights = _complete(weights, [task.name for task in tasks])

    def __call__(self, predictions: Predictions, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """loss(final prediction) + mean over scales of loss(initial prediction), not yet weighted.

        Args:
            predictions: raw maps at the size of the labels.
            batch: the labels, by task.

        Returns:
            {task name: scalar}.

        Raises:
            InputError: a task has no labels in the batch.
        """
        missing = [task.name for task in self.tasks if task.name not in batch]
        if missing:
            raise InputError(
                f"data.tasks: the network has a task {missing[0]!r}, the samples hold only "
                f"{', '.join(repr(name) for name in batch if name != 'image')}"
            )
        losses = self._of(predictions.final, batch)
        initial = [self._of(maps, batch) for maps in predictions.initial]
        for name in losses if initial else ():
            losses[name] = losses[name] + sum(maps[name] for maps in initial) / len(initial)
        return losses

    def weighted(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses times the fixed weights."""
        return {name: self.weights[name] * loss for name, loss in losses.items()}

    def _of(self, maps: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task.name: task.loss(maps[task.name], batch[task.name]) for task in self.tasks}


def _complete(weights: Mapping[str, float], tasks: Sequence[str]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(tasks))
    if unknown:
        raise InputError(
            f"model.task_weights: unknown task {unknown[0]!r}; the network's tasks are "
            f"{', '.join(tasks)}"
        )
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:  # of NaN, no comparison is true
            raise InputError(
                f"model.task_weights: expected numbers from 0 on, got {weight} for {name!r}"
            )
    return {name: float(weights.get(name, 1.0)) for name in tasks}
