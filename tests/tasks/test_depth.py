"""Depth task."""

import pytest
import torch

from ctal.errors import InputError
from ctal.maps import DepthMap
from ctal.tasks import Depth

TASK = Depth()


def test_loss_and_gradient_by_hand():
    raw = torch.tensor([[[[1.0, 5.0, -1.0]]]], requires_grad=True)
    loss = TASK.loss(raw, torch.tensor([[[[2.0, 2.0, 0.0]]]]))
    loss.backward()
    assert loss.item() == 2.0  # (1 + 3) / 2, the third pixel is unlabelled
    assert raw.grad.flatten().tolist() == [-0.5, 0.5, 0.0]


def test_decoded_depth_is_at_least_one_millimeter():
    decoded = TASK.decode(torch.tensor([[[[-3.0, 0.0, 4.5]]]], dtype=torch.float16))
    assert decoded.dtype == torch.float32
    assert decoded.flatten().tolist() == pytest.approx([1e-3, 1e-3, 4.5])


def test_valid_is_positive_and_finite():
    target = torch.tensor([[[[0.0, 1e-6, 3.0, float("inf"), float("nan"), -1.0]]]])
    assert TASK.valid(target).tolist() == [[[False, True, True, False, False, False]]]


@pytest.mark.parametrize("wrong", ["-0.5", "nan", "inf"])
def test_errors_name_invalid_depths(wrong):
    target = DepthMap(torch.tensor([[[0.0, 3.0, float(wrong)]]]))
    with pytest.raises(InputError, match=rf"depth: expected meters > 0, .* got {wrong} \(one of 1"):
        TASK.check(target)


def test_error_is_in_meters():
    error = TASK.error(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.25, 0.0]]]]))
    assert error[0, 0, 0].item() == 0.25
    assert error[0, 0, 1].isnan()


def test_near_is_bright_and_the_range_comes_from_the_reference():
    near, far = [253, 231, 36], [68, 1, 84]  # the ends of viridis
    reference = DepthMap(torch.tensor([[[2.0, 4.0, 0.0]]]))
    assert TASK.visualize(reference)[:, 0].T.tolist() == [near, far, [0, 0, 0]]
    prediction = torch.tensor([[[1.0, 9.0, 4.0]]])
    assert TASK.visualize(prediction, reference)[:, 0].T.tolist() == [near, far, far]


def test_constant_and_unlabelled_maps_can_be_visualized():
    assert TASK.visualize(torch.full((1, 2, 2), 3.0))[:, 0, 0].tolist() == [253, 231, 36]
    assert not TASK.visualize(torch.zeros(1, 2, 2)).any()
    assert TASK.visualize(torch.full((1, 2, 2), 3.0), torch.zeros(1, 2, 2)).any()
