"""Losses of binary labels, compared with hand-computed values."""

import math

import pytest
import torch
import torch.nn.functional as F

from ctal.errors import InputError
from ctal.losses import (
    BerHu,
    BinaryCrossEntropy,
    BinaryDice,
    BinaryFocal,
    BinaryLossSum,
    Cosine,
    CrossEntropy,
)
from ctal.tasks import Edges, Saliency
from ctal.tasks.serialization import build_task, describe_task

# probabilities 3/4, 1/2, 1/5 of 1, and an unlabelled pixel
RAW = torch.tensor([[[[math.log(3), 0.0, math.log(1 / 4), 7.0]]]])
TARGET = torch.tensor([[[1, 0, 0, 255]]])
LN = [math.log(4 / 3), math.log(2), math.log(5 / 4)]  # of the probability of the label


def loss(criterion):
    return Edges(criterion=criterion).loss(RAW, TARGET).item()


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (None, sum(LN) / 3),
        (0.9, (0.9 * LN[0] + 0.1 * LN[1] + 0.1 * LN[2]) / 3),
        # two thirds of the labelled pixels are 0
        ("balanced", (2 / 3 * LN[0] + 1 / 3 * LN[1] + 1 / 3 * LN[2]) / 3),
    ],
)
def test_cross_entropy(weight, expected):
    assert loss(BinaryCrossEntropy(weight)) == pytest.approx(expected)


def test_focal():
    expected = (0.25**2 * LN[0] + 0.5**2 * LN[1] + 0.2**2 * LN[2]) / 3
    assert loss(BinaryFocal()) == pytest.approx(expected)
    weighted = (0.7 * 0.25 * LN[0] + 0.3 * 0.5 * LN[1] + 0.3 * 0.2 * LN[2]) / 3
    assert loss(BinaryFocal(gamma=1.0, alpha=0.7)) == pytest.approx(weighted)


def test_dice():
    pytest.importorskip("segmentation_models_pytorch")
    ratio = 2 * 0.75 / (0.75 + 0.5 + 0.2 + 1)
    assert loss(BinaryDice()) == pytest.approx(1 - ratio)
    smooth = (0.75 + 1) / ((0.75 + 0.5 + 0.2 + 1) / 2 + 1)
    assert loss(BinaryDice(smooth=1.0)) == pytest.approx(1 - smooth)
    both = BinaryLossSum([BinaryCrossEntropy(), BinaryDice()], [1.0, 0.5])
    assert loss(both) == pytest.approx(sum(LN) / 3 + 0.5 * (1 - ratio))


def test_the_default_of_edges_is_unchanged():
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, 1, 5, 6, generator=generator)
    target = torch.randint(2, (2, 5, 6), generator=generator)
    weight = torch.where(target == 1, 0.95, 1 - 0.95)
    entropy = F.binary_cross_entropy_with_logits(raw[:, 0], target.float(), reduction="none")
    assert Edges().loss(raw, target) == (weight * entropy).sum() / target.numel()
    assert Edges(0.7).loss(raw, target) == Edges(criterion=BinaryCrossEntropy(0.7)).loss(
        raw, target
    )


@pytest.mark.parametrize("criterion", [BinaryCrossEntropy("balanced"), BinaryFocal(alpha=0.7)])
def test_saliency_gives_the_log_odds_of_its_two_scores(criterion):
    task = Saliency(criterion=criterion)
    scores = torch.cat([2 + 0 * RAW, 2 + RAW], dim=1)
    torch.testing.assert_close(task.decode(scores), RAW[:, 0].sigmoid())
    assert task.loss(scores, TARGET).item() == pytest.approx(loss(criterion))
    if criterion == BinaryCrossEntropy("balanced"):  # the default
        assert task.loss(scores, TARGET) == pytest.approx(Saliency().loss(scores, TARGET))


def test_a_saved_network_does_not_need_the_loss():
    for kind in (Edges, Saliency):
        task = kind(criterion=BinaryFocal())
        assert describe_task(task) == describe_task(kind())
        assert build_task(describe_task(task)) == task == kind()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: BinaryCrossEntropy(1.0), "positive_weight: expected a number between 0 and 1, or"),
        (lambda: BinaryCrossEntropy("equal"), "positive_weight: .* got 'equal'"),
        (lambda: BinaryFocal(gamma=-1.0), "gamma: expected a number >= 0, got -1"),
        (lambda: BinaryFocal(alpha=0.0), "alpha: expected a number between 0 and 1, got 0"),
        (lambda: BinaryLossSum([]), "losses: expected one or more"),
        (lambda: Edges(criterion=CrossEntropy()), "expected a ctal.losses.BinaryLoss, got Cross"),
        (
            lambda: Saliency(criterion=Cosine()),
            "expected a ctal.losses.ClassLoss or ctal.losses.BinaryLoss, got Cosine",
        ),
        (lambda: Saliency(criterion=BerHu()), "criterion: expected a ctal.losses.ClassLoss"),
    ],
)
def test_invalid_arguments(make, named):
    with pytest.raises(InputError, match=named):
        make()
