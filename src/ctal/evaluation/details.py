"""Scores of each class and of each image, beside those of the whole split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from torch import Tensor, nn
from torchmetrics import Metric

from ctal.evaluation.task_metrics import TaskMetrics
from ctal.metrics.class_scores import ClassScores
from ctal.tasks import Task
from ctal.tasks.classes import ClassTask

Judged = Mapping[str, tuple[Tensor, Tensor]]
"""Prediction and target of a batch, as metrics compare them, by task name."""


class ClassScore(NamedTuple):
    """Scores of a class; NaN where not defined (see `ctal.metrics.class_scores`)."""

    name: str
    iou: float
    accuracy: float


class ImageScore(NamedTuple):
    """Scores of an image.

    Attributes:
        errors: The mean error of each task over its pixels, in the unit of `Task.error`.
        scores: {"<task>/<metric>": value}; NaN where not defined for a single image.
    """

    errors: dict[str, float]
    scores: dict[str, float]


class Details(nn.Module):
    """Collects the scores of each class, and of each image of this process in its order.

    Args:
        tasks: The tasks.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.images: list[ImageScore] = []
        self._with_classes = [task for task in tasks if isinstance(task, ClassTask)]
        self._classes = nn.ModuleList(ClassScores(task.channels) for task in self._with_classes)
        self._metrics = TaskMetrics(tasks)
        for _, own in self._metrics:
            for metric in own.values():
                metric.distributed_available_fn = _never  # an image belongs to one process

    def reset(self) -> None:
        """Forget all batches."""
        self.images = []
        for metric in self._classes:
            cast(Metric, metric).reset()

    def update(self, judged: Judged) -> None:
        """Add a batch."""
        for task, metric in zip(self._with_classes, self._classes, strict=True):
            cast(Metric, metric).update(*judged[task.name])
        for index in range(len(next(iter(judged.values()))[1])):
            one = slice(index, index + 1)
            self.images.append(
                self._image({name: (p[one], t[one]) for name, (p, t) in judged.items()})
            )

    def _image(self, judged: Judged) -> ImageScore:
        errors, scores = {}, {}
        for task, metrics in self._metrics:
            prediction, target = judged[task.name]
            error = task.error(prediction, target)
            errors[task.name] = float(error.nanmean())
            for name, metric in metrics.items():
                metric.reset()
                metric.update(prediction, target)
                scores[f"{task.name}/{name}"] = float(metric.compute())
        return ImageScore(errors, scores)

    def classes(self) -> dict[str, list[ClassScore]]:
        """Return the scores of the classes of each task with classes, over all processes."""
        found = {}
        for task, metric in zip(self._with_classes, self._classes, strict=True):
            names = getattr(task, "class_names", None) or range(task.channels)
            columns = cast(Metric, metric).compute().tolist()
            rows = zip(map(str, names), *columns, strict=True)
            found[task.name] = [ClassScore(*row) for row in rows]
        return found


def _never() -> bool:
    return False


def relative_errors(images: Sequence[ImageScore]) -> list[float]:
    """Return the error of each image relative to the split, by which images are sorted.

    It is the mean over tasks of the error of the image divided by the mean over images: 1 for an
    ordinary image, 2 for one with twice the error. NaN for an image without labels.
    """
    names = list(images[0].errors) if images else []
    finite = {
        name: [e for image in images if math.isfinite(e := image.errors[name])] for name in names
    }
    means = {name: _mean(errors) for name, errors in finite.items()}
    return [
        _mean([image.errors[name] / means[name] if means[name] else math.nan for name in names])
        for image in images
    ]


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
