"""Losses of depth, compared with hand-computed values."""

import math

import pytest
import torch

from ctal.errors import InputError
from ctal.losses import (
    L1,
    BerHu,
    CrossEntropy,
    DepthLossSum,
    GradientMatching,
    ScaleInvariantLog,
)
from ctal.tasks import Depth, InverseDepth


def rows(*values):
    """Return one image (1, 1, H, W)."""
    return torch.tensor([[values]], dtype=torch.float32)


def loss(criterion, raw, target):
    return Depth(criterion=criterion).loss(raw, target)


def test_berhu():
    raw, target = rows([1.0, 2.0, 15.0, 7.0]), rows([1.5, 4.0, 5.0, 0.0])
    # errors 0.5, 2 and 10, so c = 2
    expected = (0.5 + 2 + (100 + 4) / 4) / 3
    assert loss(BerHu(), raw, target).item() == pytest.approx(expected)
    assert loss(BerHu(), target, target).item() == 0


def test_scale_invariant_log():
    raw, target = rows([2.0, 8.0, 3.0]), rows([1.0, 2.0, 0.0])
    one, two = math.log(2), math.log(4)
    square, mean = (one**2 + two**2) / 2, (one + two) / 2
    for focus in (0.0, 0.85, 1.0):
        expected = math.sqrt(square - focus * mean**2)
        found = loss(ScaleInvariantLog(focus), raw, target)
        assert found.item() == pytest.approx(expected, rel=1e-5)
    scaled = loss(ScaleInvariantLog(1.0), 7 * raw, target)
    assert scaled.item() == pytest.approx(
        loss(ScaleInvariantLog(1.0), raw, target).item(), rel=1e-4
    )


def test_the_mean_is_over_images():
    raw, target = rows([2.0, 2.0]), rows([1.0, 1.0])
    other = rows([4.0, 1.0]), rows([1.0, 0.0])
    criterion = ScaleInvariantLog(0.0)
    both = loss(criterion, torch.cat([raw, other[0]]), torch.cat([target, other[1]]))
    assert both.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_gradient_matching():
    logs = [[0.0, 1.0, 3.0], [2.0, 2.0, 2.0]]
    raw = rows(*logs).exp()
    target = rows([1.0, 1.0, 1.0], [1.0, 1.0, 0.0])
    right = 1 + 2 + 0
    down = 2 + 1
    # with every second pixel, one pair of the first row remains
    expected = [(right + down) / 5, (right + down) / 5 + 3 / 2, (right + down) / 5 + 3 / 2]
    for scales in (1, 2, 3):
        found = loss(GradientMatching(scales), raw, target)
        assert found.item() == pytest.approx(expected[scales - 1], rel=1e-5)
    scaled = loss(GradientMatching(), 7 * raw, target)
    assert scaled.item() == pytest.approx(loss(GradientMatching(), raw, target).item(), rel=1e-4)


@pytest.mark.parametrize("criterion", [ScaleInvariantLog(), GradientMatching()])
def test_a_depth_of_zero_or_less_increases(criterion):
    raw = rows([-2.0, 0.0], [1.0, 0.05]).requires_grad_()
    target = rows([1.0, 1.0], [1.0, 0.05])
    found = loss(criterion, raw, target)
    found.backward()
    assert found.isfinite()
    assert raw.grad.isfinite().all()
    assert raw.grad[0, 0, 0, 0] < 0


def test_a_perfect_prediction_has_zero_loss_and_a_finite_gradient():
    target = rows([1.0, 5.0], [0.05, 0.0])
    for criterion in (ScaleInvariantLog(), GradientMatching(), BerHu(), L1()):
        raw = target.clone().requires_grad_()
        found = loss(criterion, raw, target)
        found.backward()
        assert found.item() == 0
        assert raw.grad.isfinite().all()


def test_a_sum_and_the_default():
    raw, target = rows([2.0, 8.0, 3.0]), rows([1.0, 2.0, 0.0])
    parts = [ScaleInvariantLog(), GradientMatching()]
    expected = loss(parts[0], raw, target) + 0.5 * loss(parts[1], raw, target)
    both = loss(DepthLossSum(parts, [1.0, 0.5]), raw, target)
    torch.testing.assert_close(both, expected)
    assert loss(None, raw, target).item() == loss(L1(), raw, target).item() == 3.5


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ScaleInvariantLog(1.5), "variance_focus: expected a number in 0..1, got 1.5"),
        (lambda: ScaleInvariantLog(smallest=0.0), "smallest: expected a number above 0, got 0"),
        (lambda: GradientMatching(0), "scales: expected an integer >= 1, got 0"),
        (lambda: BerHu(0.0), "share: expected a number above 0, at most 1, got 0"),
        (lambda: DepthLossSum([]), "losses: expected one or more"),
        (CrossEntropy, r"criterion: expected a ctal.losses.DepthLoss, got CrossEntropy\("),
    ],
)
@pytest.mark.parametrize("task", [Depth, InverseDepth])
def test_invalid_arguments(task, make, named):
    with pytest.raises(InputError, match=named):
        task(criterion=make())
