"""Metric metadata for tables."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from torchmetrics import Metric

from ctal.errors import InputError
from ctal.tasks import Task


@dataclass(frozen=True)
class Measure:
    """Metric of a task, with the metadata for tables.

    Attributes:
        task: the task's name.
        metric: the metric's name.
        higher_is_better: whether larger is better.
        share: whether it is a fraction in 0..1, which tables show in percent.
        unit: the unit of its values in tables: "%" for shares; "" if it has none.
        meaning: definition in one line.
        primary: whether Delta_m uses it.
    """

    task: str
    metric: str
    higher_is_better: bool
    share: bool
    unit: str
    meaning: str
    primary: bool

    @property
    def key(self) -> str:
        """Return the key of its scores."""
        return f"{self.task}/{self.metric}"

    def title(self) -> str:
        """Return the title of its column."""
        arrow = "↑" if self.higher_is_better else "↓"
        return f"{self.metric} {arrow} {self.unit}".rstrip()


def metrics_of(task: Task) -> dict[str, Metric]:
    """Return the metrics of a task by name.

    Raises:
        InputError: `Task.metrics` returns something else than metrics by name.
    """
    found = task.metrics()
    if not found or not isinstance(found, dict):
        got = "none" if not found else type(found).__name__
        raise InputError(
            f"{type(task).__name__}.metrics: expected a dict with at least one metric, got {got}"
        )
    for name, metric in found.items():
        if not isinstance(metric, Metric):
            raise InputError(
                f"{type(task).__name__}.metrics: expected a torchmetrics.Metric for {name!r}, got "
                f"{type(metric).__name__}"
            )
    return found


def measures(tasks: Sequence[Task]) -> list[Measure]:
    """Return the metrics of tasks, in order."""
    return [
        Measure(
            task=task.name,
            metric=name,
            higher_is_better=bool(metric.higher_is_better),
            share=metric.plot_upper_bound == 1.0,
            unit="%" if metric.plot_upper_bound == 1.0 else getattr(metric, "unit", ""),
            meaning=_meaning(metric),
            primary=index == 0,
        )
        for task in tasks
        for index, (name, metric) in enumerate(metrics_of(task).items())
    ]


def _meaning(metric: Metric) -> str:
    """Return the first line of a metric's docstring, with its limit; shares are printed in %."""
    text = (inspect.getdoc(type(metric)) or "").split("\n")[0].replace(", 0..1", "")
    return text.replace("`limit`", f"{getattr(metric, 'limit', 0):g}")
