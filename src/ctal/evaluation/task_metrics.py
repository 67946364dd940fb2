"""Metrics of several tasks as modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from torch import nn
from torchmetrics import Metric

from ctal.evaluation.metric_info import metrics_of
from ctal.tasks import Task


class TaskMetrics(nn.Module):
    """The metrics of every task.

    Args:
        tasks: The tasks.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self._tasks = list(tasks)
        metrics = [metrics_of(task) for task in tasks]
        self._names = [list(by_name) for by_name in metrics]
        # lists, since keys of a ModuleDict must not have dots, as in "within_11.25"
        self._metrics = nn.ModuleList(nn.ModuleList(by_name.values()) for by_name in metrics)

    def __iter__(self) -> Iterator[tuple[Task, dict[str, Metric]]]:
        """Yield each task with its metrics by name."""
        for task, names, metrics in zip(self._tasks, self._names, self._metrics, strict=True):
            yield task, dict(zip(names, cast("list[Metric]", metrics), strict=True))
