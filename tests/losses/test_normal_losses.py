"""Losses of surface normals, compared with hand-computed values."""

import math

import pytest
import torch

from ctal.errors import InputError
from ctal.losses import Angular, Cosine, CrossEntropy, NormalLossSum, VectorL1
from ctal.tasks import SurfaceNormals
from ctal.tasks.serialization import build_task, describe_task

# 90 and 60 degrees from the target, of any length; the third pixel has no label
RAW = torch.tensor([[2.0, 0.0, 0.0], [0.0, 5 * math.sqrt(3), 5.0], [1.0, 1.0, 1.0]])
TARGET = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])


def pixels(vectors):
    """Return one image (1, 3, 1, W)."""
    return vectors.T[None, :, None]


def loss(criterion, raw=RAW, target=TARGET):
    return SurfaceNormals(criterion=criterion).loss(pixels(raw), pixels(target)).item()


def test_values():
    cosine = (1 + 0.5) / 2
    distance = (2 + math.sqrt(3) / 2 + 0.5) / 2
    assert loss(None) == loss(Cosine()) == pytest.approx(cosine)
    assert loss(Angular()) == pytest.approx((math.pi / 2 + math.pi / 3) / 2)
    assert loss(VectorL1()) == pytest.approx(distance)
    both = NormalLossSum([Cosine(), VectorL1()], [1.0, 0.5])
    assert loss(both) == pytest.approx(cosine + distance / 2)


@pytest.mark.parametrize("criterion", [Cosine(), Angular(), VectorL1()])
@pytest.mark.parametrize("raw", [TARGET, -TARGET, 0 * TARGET])
def test_gradients_are_finite_for_equal_opposite_and_zero_vectors(criterion, raw):
    raw = pixels(raw).clone().requires_grad_()
    SurfaceNormals(criterion=criterion).loss(raw, pixels(TARGET)).backward()
    assert raw.grad.isfinite().all()


def test_the_gradient_of_the_angle_does_not_vanish():
    small = torch.tensor([[math.sin(0.01), math.cos(0.01), 0.0]])
    gradients = {}
    for criterion in (Cosine(), Angular()):
        raw = pixels(small).clone().requires_grad_()
        SurfaceNormals(criterion=criterion).loss(raw, pixels(TARGET[:1])).backward()
        gradients[type(criterion)] = raw.grad.norm().item()
    assert gradients[Cosine] == pytest.approx(0.01, rel=1e-2)
    assert gradients[Angular] == pytest.approx(1.0, rel=1e-2)


def test_a_saved_network_does_not_need_the_loss():
    task = SurfaceNormals(criterion=Angular())
    assert describe_task(task) == describe_task(SurfaceNormals())
    assert build_task(describe_task(task)) == task == SurfaceNormals()


def test_a_loss_of_another_kind():
    with pytest.raises(InputError, match=r"expected a ctal\.losses\.NormalLoss, got CrossEntropy"):
        SurfaceNormals(criterion=CrossEntropy())
