"""Losses of all tasks for a batch, and their fixed weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import Tensor

from ctal.errors import InputError
from ctal.losses import ClassLoss, Criterion
from ctal.networks import Predictions
from ctal.tasks import Task
from ctal.training.criteria import with_criteria, with_criterion
from ctal.training.image_losses import ImageLosses


class TaskLosses:
    """Loss of a network's predictions for a batch, by task.

    Args:
        tasks: the tasks.
        weights: fixed weights by task name; 1 for tasks that are missing.
        criteria: losses by task name, in place of the tasks' own.

    Attributes:
        weights: the weight of every task.
        counts: number of pixels of each class in the train split, of each task whose loss has
            balanced class weights, once `balance` was called.

    Raises:
        InputError: a weight or loss has an unknown task, or a weight is negative or not finite.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        weights: Mapping[str, float],
        criteria: Mapping[str, Criterion] | None = None,
    ) -> None:
        self.weights = _complete(weights, [task.name for task in tasks])
        self.tasks = with_criteria(tasks, criteria or {})
        self.counts: dict[str, list[int]] = {}

    def balance(self, count: Callable[[Task], list[int]]) -> None:
        """Compute the balanced class weights of the losses that need them.

        Args:
            count: counts the pixels of each class of a task; not called where `counts` has them.
        """
        for index, task in enumerate(self.tasks):
            criterion = getattr(task, "criterion", None)
            if isinstance(criterion, ClassLoss) and criterion.needs_counts:
                if task.name not in self.counts:
                    self.counts[task.name] = count(task)
                balanced = criterion.with_counts(self.counts[task.name])
                self.tasks[index] = with_criterion(task, balanced)

    def __call__(self, predictions: Predictions, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute loss(final prediction) + mean over scales of loss(initial prediction).

        Args:
            predictions: raw maps, at the size of the labels or all smaller (`ImageLosses`).
            batch: the labels, by task.

        Returns:
            {task name: scalar}, without the fixed weights.

        Raises:
            InputError: a task has no labels in the batch.
        """
        missing = [task.name for task in self.tasks if task.name not in batch]
        if missing:
            raise InputError(
                f"data.tasks: expected labels of all tasks, got no {missing[0]!r}, only "
                f"{', '.join(repr(name) for name in batch if name != 'image')}"
            )
        all_maps = [predictions.final, *predictions.initial]
        losses, *initial = self._of(all_maps, batch)
        for name in losses if initial else ():
            losses[name] = losses[name] + sum(maps[name] for maps in initial) / len(initial)
        return losses

    def weighted(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Multiply the losses by the fixed weights."""
        return {name: self.weights[name] * loss for name, loss in losses.items()}

    def _of(
        self, all_maps: Sequence[Mapping[str, Tensor]], batch: Mapping[str, Tensor]
    ) -> list[dict[str, Tensor]]:
        losses: list[dict[str, Tensor]] = [{} for _ in all_maps]
        for task in self.tasks:
            target, raws = batch[task.name], [maps[task.name] for maps in all_maps]
            full_size = all(raw.shape[-2:] == target.shape[-2:] for raw in raws)
            loss_of = partial(task.loss, target=target) if full_size else ImageLosses(task, target)
            for found, raw in zip(losses, raws, strict=True):
                found[task.name] = _scalar(loss_of(raw), task)
        return losses


def _scalar(loss: object, task: Task) -> Tensor:
    """Return a loss, or report that a task of the user returns something else."""
    if isinstance(loss, Tensor) and loss.ndim == 0:
        return loss
    got = f"the shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
    raise InputError(f"{type(task).__name__}.loss: expected a scalar tensor, got {got}")


def _complete(weights: Mapping[str, float], tasks: Sequence[str]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(tasks))
    if unknown:
        raise InputError(
            f"model.task_weights: unknown task {unknown[0]!r}; the network's tasks are "
            f"{', '.join(tasks)}"
        )
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:  # False for NaN too
            raise InputError(
                f"model.task_weights: expected finite numbers >= 0, got {weight} for {name!r}"
            )
    return {name: float(weights.get(name, 1.0)) for name in tasks}
