"""Losses of class scores, compared with hand-computed values and other implementations."""

import builtins
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ctal.errors import InputError
from ctal.losses import BerHu, ClassLossSum, CrossEntropy, Dice, Focal
from ctal.tasks import HumanParts, Saliency, SemanticSegmentation
from ctal.tasks.serialization import build_task, describe_task

CLASSES = 4


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, CLASSES, 5, 6, generator=generator)
    target = torch.randint(CLASSES, (2, 5, 6), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.3] = 255
    return raw, target


def loss(criterion, raw, target):
    return SemanticSegmentation(CLASSES, criterion=criterion).loss(raw, target)


def test_cross_entropy_by_hand():
    raw = torch.tensor([[[[0.0, 0.0]], [[math.log(3), 0.0]]]])  # of class 1: 3/4, 1/2
    target = torch.tensor([[[1, 0]]])
    task = SemanticSegmentation(2, criterion=CrossEntropy([1.0, 3.0]))
    expected = (3 * math.log(4 / 3) + math.log(2)) / 4
    assert task.loss(raw, target).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "criterion",
    [
        None,
        CrossEntropy(),
        CrossEntropy([0.5, 0.0, 2.0, 1.0]),
        CrossEntropy(label_smoothing=0.2),
        CrossEntropy([0.5, 1.0, 2.0, 1.0], label_smoothing=0.2),
    ],
)
def test_cross_entropy_equals_torch(batch, criterion):
    raw, target = batch
    used = criterion or CrossEntropy()
    weights = None if used.class_weights is None else torch.tensor(used.class_weights)
    expected = F.cross_entropy(
        raw, target, weight=weights, ignore_index=255, label_smoothing=used.label_smoothing
    )
    torch.testing.assert_close(loss(criterion, raw, target), expected)


@pytest.mark.parametrize("kind", [CrossEntropy, Focal])
def test_ignored_classes_count_as_unlabelled(batch, kind):
    raw, target = batch
    blank = torch.where(target == 2, 255, target)
    ignoring = loss(kind(ignored_classes=[2]), raw, target)
    assert ignoring == loss(kind(), raw, blank)
    assert ignoring != loss(kind(), raw, target)


def test_balanced_weights_equal_scikit_learn(batch):
    weight = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    _, target = batch
    labels = target[target != 255].numpy()
    counts = [int((labels == k).sum()) for k in range(CLASSES)]
    expected = weight("balanced", classes=np.arange(CLASSES), y=labels)
    found = CrossEntropy("balanced").with_counts(counts).class_weights
    assert found == pytest.approx(expected.tolist())
    # 6 and 2 pixels; class 1 does not occur, class 3 is ignored
    rare = CrossEntropy("balanced", ignored_classes=[3]).with_counts([6, 0, 2, 100])
    assert rare.class_weights == pytest.approx((4 / 6, 1.0, 4 / 2, 1.0))
    with pytest.raises(InputError, match="'balanced' needs the counts"):
        loss(CrossEntropy("balanced"), *batch)


@pytest.mark.parametrize("alpha", [None, 0.25])
def test_focal_is_a_weighted_binary_cross_entropy(batch, alpha):
    raw, target = batch
    valid = target != 255
    answers = (target[:, None] == torch.arange(CLASSES)[:, None, None]).float()
    chance = raw.sigmoid() * answers + (1 - raw.sigmoid()) * (1 - answers)
    weight = 1.0 if alpha is None else alpha * answers + (1 - alpha) * (1 - answers)
    expected = (-weight * (1 - chance) ** 2 * chance.log()).sum(dim=1)[valid].mean()
    torch.testing.assert_close(loss(Focal(2.0, alpha), raw, target), expected)


def test_dice_by_hand(batch):
    pytest.importorskip("segmentation_models_pytorch")
    raw, target = batch
    chances = raw.softmax(dim=1).movedim(1, -1)[target != 255]
    answers = F.one_hot(target[target != 255], CLASSES)
    ratio = 2 * (chances * answers).sum(0) / (chances + answers).sum(0)
    torch.testing.assert_close(loss(Dice(), raw, target), (1 - ratio).mean())
    torch.testing.assert_close(loss(Dice(ignored_classes=[0]), raw, target), (1 - ratio[1:]).mean())


def test_a_sum_is_weighted(batch):
    pytest.importorskip("segmentation_models_pytorch")
    both = ClassLossSum([CrossEntropy("balanced"), Dice()], weights=[1.0, 3.0])
    assert both.needs_counts
    counts = [5, 1, 2, 2]
    expected = loss(CrossEntropy("balanced").with_counts(counts), *batch) + 3 * loss(Dice(), *batch)
    torch.testing.assert_close(loss(both.with_counts(counts), *batch), expected)


@pytest.mark.parametrize(
    ("criterion", "named"),
    [
        (lambda: CrossEntropy([1.0, 2.0]), "class_weights: expected 4 weights, .* got 2"),
        (lambda: CrossEntropy([1.0, -2.0]), "class_weights: expected a number >= 0, got -2"),
        (lambda: CrossEntropy("balance"), "class_weights: expected a list of float, got 'balance'"),
        (lambda: CrossEntropy(label_smoothing=1.0), "label_smoothing: expected"),
        (lambda: CrossEntropy(ignored_classes=[4]), r"expected ids in 0..3, .* got \[4\]"),
        (lambda: Focal(ignored_classes=[0, 1, 2, 3]), "one class that is not ignored"),
        (lambda: Focal(gamma=-1.0), "gamma: expected a number >= 0, got -1"),
        (lambda: Focal(alpha=2.0), "alpha: expected a number between 0 and 1, got 2"),
        (lambda: ClassLossSum([]), "losses: expected one or more"),
        (lambda: ClassLossSum([Focal()], [1.0, 2.0]), "weights: expected 1, one per loss, got 2"),
        (BerHu, r"criterion: expected a ctal.losses.ClassLoss, got BerHu\("),
    ],
)
def test_invalid_arguments(criterion, named):
    with pytest.raises(InputError, match=named):
        SemanticSegmentation(CLASSES, criterion=criterion())


def test_dice_without_its_package(monkeypatch):
    def missing(name, *arguments, original=builtins.__import__):
        if name.startswith("segmentation_models_pytorch"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"Dice: .* run pip install 'ctal\[losses\]'"):
        Dice()


@pytest.mark.parametrize("kind", [lambda **o: SemanticSegmentation(7, **o), HumanParts, Saliency])
def test_a_saved_network_does_not_need_the_loss_of_its_training(kind):
    task = kind(criterion=CrossEntropy(ignored_classes=[0]))
    assert describe_task(task) == describe_task(kind())
    assert build_task(describe_task(task)) == task == kind()
    assert build_task(describe_task(task)).criterion is None
