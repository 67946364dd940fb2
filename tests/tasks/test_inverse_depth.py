import numpy as np
import pytest
import torch

from ctal.errors import InputError
from ctal.maps import DepthMap, InverseDepthMap
from ctal.tasks import Depth, InverseDepth


def inverse(*values):
    return InverseDepthMap.from_array(np.array([values], np.float32))


def test_it_is_not_a_depth_task():
    task = InverseDepth()
    assert task.name == "inverse_depth"
    assert "m" != task.unit != Depth().unit
    assert task.map_type is InverseDepthMap
    assert not issubclass(InverseDepthMap, DepthMap)  # normals cannot be derived from it
    assert task != Depth("inverse_depth")


def test_loss_and_metrics_use_inverse_depth():
    task, target = InverseDepth(), inverse(0.1, 0.4, 0.0)[None]
    raw = torch.tensor([[[[0.2, 0.2, 7.0]]]])
    assert task.loss(raw, target).item() == pytest.approx(0.15)
    metrics = task.metrics()
    for metric in metrics.values():
        metric.update(task.decode(raw), target)
    assert next(iter(metrics)) == "abs_error"
    assert metrics["abs_error"].compute().item() == pytest.approx(0.15)
    assert metrics["rel_error"].compute().item() == pytest.approx((1 + 0.5) / 2)


def test_predictions_are_positive():
    assert InverseDepth().decode(torch.tensor([[[[-1.0, 0.3]]]])).min() > 0


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_the_error_of_an_invalid_value_does_not_mention_meters(value):
    with pytest.raises(InputError, match="inverse_depth: expected inverse depth > 0") as caught:
        InverseDepth().check(inverse(value))
    assert "meters" not in str(caught.value)


def test_near_has_the_same_color_as_near_depth():
    near_to_far = InverseDepth().visualize(inverse(0.5, 0.25, 0.1, 0.0))
    depth = Depth().visualize(DepthMap.from_array(np.array([[1.0, 2.0, 3.0, 0.0]])))
    assert torch.equal(near_to_far[:, 0, [0, 2, 3]], depth[:, 0, [0, 2, 3]])
    assert not near_to_far[:, 0, 3].any()
    assert not InverseDepth().visualize(inverse(0.0, 0.0)).any()
