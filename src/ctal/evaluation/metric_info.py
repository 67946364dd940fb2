"""Metric metadata for tables."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from ctal.tasks import Task


@dataclass(frozen=True)
class Measure:
    """A metric of a task, as a table needs it.

    Attributes:
        task: the task's name.
        metric: the metric's name.
        higher_is_better: whether a larger number is the better one.
        share: whether it is a share in 0..1, which a table shows in percent.
        meaning: what it is, in a line.
        primary: whether Delta_m uses it.
    """

    task: str
    metric: str
    higher_is_better: bool
    share: bool
    meaning: str
    primary: bool

    @property
    def key(self) -> str:
        """The key of its scores."""
        return f"{self.task}/{self.metric}"

    def title(self) -> str:
        """The head of its column."""
        return f"{self.metric} {'↑' if self.higher_is_better else '↓'}{' %' * self.share}"


def measures(tasks: Sequence[Task]) -> list[Measure]:
    """The metrics of tasks, in their order."""
    return [
        Measure(
            task=task.name,
            metric=name,
            higher_is_better=bool(metric.higher_is_better),
            share=metric.plot_upper_bound == 1.0,
            meaning=(inspect.getdoc(type(metric)) or "").split("\n")[0],
            primary=index == 0,
        )
        for task in tasks
        for index, (name, metric) in enumerate(task.metrics().items())
    ]
