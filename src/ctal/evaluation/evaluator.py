"""The scores of a whole split, and the one number by which the best checkpoint is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from ctal.metrics.pooled import FloatSums
from ctal.tasks import Task


class Scores(NamedTuple):
    """What a network reached on a split.

    Attributes:
        metrics: {"<task>/<metric>": value}.
        loss: the weighted loss of the final predictions, mean per picture.
        score: what chooses the best checkpoint, higher is better: the geometric mean over tasks of
            the primary metric, or of its inverse where lower is better. A task without any label
            is left out; NaN where the loss is not finite.
        samples: the number of pictures.
    """

    metrics: dict[str, float]
    loss: float
    score: float
    samples: int


class Scoring(nn.Module):
    """Adds up the metrics of all tasks over the batches and processes of a split.

    Args:
        tasks: the tasks.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.tasks = list(tasks)
        metrics = [task.metrics() for task in tasks]
        self._names = [list(by_name) for by_name in metrics]
        # lists, since the key of a ModuleDict may not hold the dot of "within_11.25"
        self._metrics = nn.ModuleList(nn.ModuleList(by_name.values()) for by_name in metrics)
        self._loss = _LossPerPicture()

    def update(
        self, final: Mapping[str, Tensor], batch: Mapping[str, Tensor], loss: Tensor
    ) -> None:
        """Adds a batch.

        Args:
            final: the raw final predictions of the tasks, by name.
            batch: the "image" and the targets, by name.
            loss: the loss of the batch, a scalar.
        """
        self._loss.update(loss, len(batch["image"]))
        for task, metrics in zip(self.tasks, self._metrics, strict=True):
            prediction = task.decode(final[task.name])
            for metric in cast("list[Metric]", metrics):
                metric.update(prediction, batch[task.name])

    def take(self) -> Scores:
        """The scores of all that was added since the last time."""
        scores: dict[str, float] = {}
        logarithms = []
        for task, names, metrics in zip(self.tasks, self._names, self._metrics, strict=True):
            own = cast("list[Metric]", metrics)
            values = [_take(metric) for metric in own]
            scores |= {f"{task.name}/{name}": v for name, v in zip(names, values, strict=True)}
            sign = 1.0 if own[0].higher_is_better else -1.0
            logarithms.append(sign * math.log(max(values[0], 1e-6)))  # a metric may be 0
        loss, count = self._loss.compute().tolist()
        self._loss.reset()
        known = [value for value in logarithms if not math.isnan(value)]
        # a task that diverged is NaN too, and must not pass for one without labels
        usable = known and math.isfinite(loss)
        score = math.exp(sum(known) / len(known)) if usable else math.nan
        return Scores(scores, loss, score, int(count))


class _LossPerPicture(FloatSums):
    """Mean loss over all pictures, and their number, as one tensor (2,); NaN counts as NaN."""

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss: Tensor, pictures: int) -> None:
        """Adds the loss of a batch of so many pictures."""
        self.total += pictures * loss.detach().to(self.total)
        self.count += pictures

    def compute(self) -> Tensor:
        """Of all batches so far."""
        return torch.stack([self.total / self.count, self.count])


def _take(metric: Metric) -> float:
    """The metric's value over all that it was given since the last time."""
    value = float(metric.compute())
    metric.reset()
    return value
