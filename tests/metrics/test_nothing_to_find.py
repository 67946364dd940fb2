"""Metrics without positive labels are NaN, and not a full score."""

import pytest
import torch

from ctal.metrics import MaxF, MaxIoU, MeanIoU, OdsF, PixelAccuracy
from ctal.tasks import Edges, HumanParts, Saliency, SemanticSegmentation

TASKS = [Edges(), Saliency(), SemanticSegmentation(2), SemanticSegmentation(5), HumanParts()]


def target(values):
    return torch.tensor(values).expand(2, 8, len(values)).contiguous()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}{task.channels}")
@pytest.mark.parametrize("lost", [[0] * 8, [0] * 4 + [255] * 4])
def test_scores_without_positive_labels_are_nan(task, lost):
    labels = target(lost)
    perfect = task.decode(task.encode(torch.where(labels == 255, 0, labels)))
    for name, metric in task.metrics().items():
        metric.update(perfect, labels)
        assert metric.compute().isnan(), name


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}{task.channels}")
def test_one_positive_pixel_in_another_batch_defines_the_score(task):
    blank, labels = target([0] * 8), target([0] * 8)
    labels[1, 3, 3] = 1
    for metric in task.metrics().values():
        for batch in (blank, labels, blank):
            metric.update(task.decode(task.encode(batch)), batch)
        assert metric.compute() > 0


@pytest.mark.parametrize(
    "metric", [MeanIoU(3), PixelAccuracy(), MaxF(), MaxIoU(), OdsF(0.01)], ids=lambda m: str(m)[:8]
)
def test_a_reset_clears_all_states(metric):
    labels = target([0, 0, 1, 1, 0, 0, 0, 0])
    prediction = labels if isinstance(metric, MeanIoU | PixelAccuracy) else labels.float()
    metric.update(prediction, labels)
    assert metric.compute() > 0
    metric.reset()
    metric.update(torch.zeros_like(prediction), torch.zeros_like(labels))
    assert metric.compute().isnan()
