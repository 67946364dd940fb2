"""Requirements on all losses for unlabelled pixels."""

import pytest
import torch
from tests.tasks.loss_contract import (
    assert_an_image_without_label_adds_nothing,
    assert_costs_nothing_without_labels,
    assert_unlabelled_pixels_do_not_count,
    labels,
    raw_map,
)

from ctal.losses import (
    Angular,
    BerHu,
    BinaryCrossEntropy,
    BinaryDice,
    BinaryFocal,
    BinaryLossSum,
    ClassLossSum,
    Cosine,
    CrossEntropy,
    DepthLossSum,
    Dice,
    Focal,
    GradientMatching,
    NormalLossSum,
    ScaleInvariantLog,
    VectorL1,
)
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    InverseDepth,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)

CLASSES = [
    CrossEntropy([0.1, 0.2, 0.3, 0.4, 0.5], label_smoothing=0.1, ignored_classes=[0]),
    CrossEntropy("balanced").with_counts([7, 1, 2, 3, 4]),
    Focal(alpha=0.25, ignored_classes=[0]),
    Dice(),
    ClassLossSum([CrossEntropy(), Dice(ignored_classes=[0]), Focal()], [1.0, 0.5, 2.0]),
]
DEPTHS = [
    BerHu(),
    ScaleInvariantLog(),
    GradientMatching(2),
    DepthLossSum([ScaleInvariantLog(), GradientMatching()], [1.0, 0.5]),
]
BINARY = [
    BinaryCrossEntropy(),
    BinaryCrossEntropy(0.9),
    BinaryCrossEntropy("balanced"),
    BinaryFocal(alpha=0.75),
    BinaryDice(),
    BinaryLossSum([BinaryCrossEntropy("balanced"), BinaryDice()], [1.0, 0.5]),
]
NORMALS = [Angular(), VectorL1(), NormalLossSum([Cosine(), VectorL1()], [1.0, 0.5])]
TASKS = [
    *(Edges(criterion=criterion) for criterion in BINARY),
    *(Saliency(criterion=criterion) for criterion in BINARY),
    *(SurfaceNormals(criterion=criterion) for criterion in NORMALS),
    *(SemanticSegmentation(5, criterion=criterion) for criterion in CLASSES),
    *(Depth(criterion=criterion) for criterion in DEPTHS),
    HumanParts(criterion=Focal()),
    Saliency(criterion=ClassLossSum([CrossEntropy([1.0, 4.0]), Dice()])),
    InverseDepth(criterion=ScaleInvariantLog(smallest=0.01)),
]
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: repr(task.criterion))


@each_task
def test_a_batch_without_labels(task):
    assert_costs_nothing_without_labels(task)


@each_task
def test_values_of_unlabelled_pixels(task):
    assert_unlabelled_pixels_do_not_count(task)


@pytest.mark.parametrize("labelled", [[1, 3], [0], []])
@each_task
def test_an_image_without_label(task, labelled):
    assert_an_image_without_label_adds_nothing(task, labelled)


@each_task
def test_a_step_along_the_gradient_lowers_the_loss(task):
    target, raw = labels(task), raw_map(task).requires_grad_()
    before = task.loss(raw.half(), target)
    assert before.dtype == torch.float32
    loss = task.loss(raw, target)
    loss.backward()
    assert task.loss(raw - 1e-2 * raw.grad / raw.grad.norm(), target) < loss
