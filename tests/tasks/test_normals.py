"""Surface normal task."""

import math

import pytest
import torch
import torch.nn.functional as F

from ctal.errors import InputError
from ctal.maps import NormalMap
from ctal.tasks import SurfaceNormals

TASK = SurfaceNormals()


def pixels(*vectors):
    """Return a batch of one image with these vectors in one row, (1, 3, 1, N)."""
    return torch.tensor(vectors, dtype=torch.float32).T[None, :, None, :]


def test_loss_by_hand():
    # the same direction: 0; at 60 degrees: 1 - 1/2; opposite: 2; unlabelled
    raw = pixels((0, 0, -7), (math.sqrt(0.75), 0, -0.5), (0, 0.1, 0), (1, 2, 3))
    target = pixels((0, 0, -1), (0, 0, -1), (0, -1, 0), (0, 0, 0))
    assert TASK.loss(raw, target).item() == pytest.approx((0 + 0.5 + 2) / 3)


def test_loss_and_gradient_equal_torch():
    target = F.normalize(torch.randn(2, 3, 4, 5), dim=1)
    raw = torch.randn(2, 3, 4, 5, requires_grad=True)
    expected = (1 - F.cosine_similarity(raw, target, dim=1)).mean()
    (gradient,) = torch.autograd.grad(expected, raw)
    loss = TASK.loss(raw, target)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(raw.grad, gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_raw_vector_of_zero_has_a_finite_gradient(dtype):
    raw = torch.zeros(1, 3, 1, 2, dtype=dtype, requires_grad=True)
    loss = TASK.loss(raw, pixels((0, 0, -1), (0, 1, 0)))
    loss.backward()
    assert loss.item() == 1
    assert raw.grad.isfinite().all()
    assert raw.grad[0, 2, 0, 0] > 0  # a gradient step moves towards the target


def test_decoded_vectors_have_unit_length_for_any_raw_map():
    decoded = TASK.decode(pixels((0, 3, 4), (0, 0, 0), (1e-30, 0, 0), (1e30, 0, 0), (1e-5, 0, 0)))
    expected = pixels((0, 0.6, 0.8), (0, 0, -1), (0, 0, -1), (0, 0, -1), (1, 0, 0))
    torch.testing.assert_close(decoded, expected)


def test_valid_uses_the_norm_and_not_the_sum():
    target = pixels((0, 0, 0), (0.6, -0.6, 0), (float("nan"), 0, 0), (0, 0, -1))
    assert TASK.valid(target).tolist() == [[[False, True, False, True]]]


@pytest.mark.parametrize(
    "wrong", [(0, 0, 0.98), (0.6, 0.8, 0.5), (float("nan"), 0, 1), (1e-30, 0, 0), (1e30, 0, 0)]
)
def test_a_vector_of_another_length_is_rejected(wrong):
    with pytest.raises(InputError, match="normals: expected vectors of length 1"):
        TASK.check(NormalMap(pixels((0, 0, -1), wrong)[0]))


def test_a_length_within_rounding_is_accepted():
    TASK.check(NormalMap(pixels((0, 0, -1.009), (0.992, 0, 0), (0, 0, 0))[0]))


def test_error_is_in_degrees():
    error = TASK.error(pixels((1, 0, 0), (0, 1, 0)), pixels((0, 0, -1), (0, 0, 0)))
    assert error[0, 0, 0].item() == pytest.approx(90)
    assert error[0, 0, 1].isnan()


def test_colors_follow_the_common_convention():
    # floor (up), wall facing the camera, wall on the left (faces right), ceiling, unlabelled
    walls = pixels((0, -1, 0), (0, 0, -1), (1, 0, 0), (0, 1, 0), (0, 0, 0))
    assert TASK.visualize(NormalMap(walls[0]))[:, 0].T.tolist() == [
        [128, 255, 128],
        [128, 128, 255],
        [255, 128, 128],
        [128, 0, 128],
        [0, 0, 0],
    ]
