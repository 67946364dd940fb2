"""Scores of a whole split, and the score that selects the best checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from ctal.evaluation.details import Details
from ctal.evaluation.protocol import Protocol
from ctal.evaluation.task_metrics import TaskMetrics
from ctal.metrics.pooled import FloatSums
from ctal.tasks import Task


class Scores(NamedTuple):
    """Scores of a network on a split.

    Attributes:
        metrics: {"<task>/<metric>": value}.
        loss: the weighted loss of the final predictions, mean per image.
        score: selects the best checkpoint, higher is better: the geometric mean over tasks of the
            primary metric, or of its inverse where lower is better. Tasks without labels are
            excluded; NaN if the loss is not finite.
        samples: the number of images.
    """

    metrics: dict[str, float]
    loss: float
    score: float
    samples: int


class Scoring(nn.Module):
    """Accumulation of the metrics of all tasks over batches and processes.

    Args:
        tasks: the tasks.

    Attributes:
        protocol: the protocol of scoring; change it between two splits only.
        details: collects the scores of classes and images too, if there is one.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.protocol = Protocol()
        self.details: Details | None = None
        self._metrics = TaskMetrics(tasks)
        self._loss = _LossPerPicture()

    def update(
        self, final: Mapping[str, Tensor], batch: Mapping[str, Tensor], loss: Tensor
    ) -> None:
        """Add a batch.

        Args:
            final: the raw final predictions, by task name.
            batch: the "image" and the targets, by name.
            loss: the loss of the batch, a scalar.
        """
        self._loss.update(loss, len(batch["image"]))
        judged = {}
        for task, metrics in self._metrics:
            prediction = task.decode(final[task.name])
            pair = judged[task.name] = self.protocol.judged(task, prediction, batch[task.name])
            for metric in metrics.values():
                metric.update(*pair)
        if self.details is not None:
            self.details.update(judged)

    def take(self) -> Scores:
        """Return the scores of all batches since the last call, and reset."""
        scores: dict[str, float] = {}
        logarithms = []
        for task, metrics in self._metrics:
            values = {name: _take(metric) for name, metric in metrics.items()}
            scores |= {f"{task.name}/{name}": value for name, value in values.items()}
            first = next(iter(metrics))  # the primary metric
            sign = 1.0 if metrics[first].higher_is_better else -1.0
            logarithms.append(sign * math.log(max(values[first], 1e-6)))  # a metric may be 0
        loss, count = self._loss.compute().tolist()
        self._loss.reset()
        known = [value for value in logarithms if not math.isnan(value)]
        # a diverged task is NaN too, and must not count as one without labels
        usable = known and math.isfinite(loss)
        score = math.exp(sum(known) / len(known)) if usable else math.nan
        return Scores(scores, loss, score, int(count))


class _LossPerPicture(FloatSums):
    """Mean loss over all images, and their number, as one tensor (2,); NaN if any loss is NaN."""

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss: Tensor, pictures: int) -> None:
        """Add the loss of a batch and its number of images."""
        self.total += pictures * loss.detach().to(self.total)
        self.count += pictures

    def compute(self) -> Tensor:
        """Return both over all batches so far."""
        return torch.stack([self.total / self.count, self.count])


def _take(metric: Metric) -> float:
    """Compute and reset a metric."""
    value = float(metric.compute())
    metric.reset()
    return value
