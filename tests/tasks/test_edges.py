"""Edge detection task."""

import math

import pytest
import torch

from ctal.errors import InputError
from ctal.maps import EdgeMap
from ctal.metrics import OdsF
from ctal.tasks import Edges

TASK = Edges()


def test_loss_and_gradient_by_hand():
    # p = 3/4 on an edge, p = 1/2 on none, and no label
    raw = torch.tensor([[[[math.log(3.0), 0.0, 7.0]]]], requires_grad=True)
    loss = TASK.loss(raw, torch.tensor([[[1, 0, 255]]]))
    loss.backward()
    assert loss.item() == pytest.approx((-0.95 * math.log(0.75) - 0.05 * math.log(0.5)) / 2)
    # half the weight times (p - y)
    assert raw.grad.flatten().tolist() == pytest.approx([-0.95 / 8, 0.05 / 4, 0])


def test_the_weight_is_an_argument():
    raw, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[1, 0]]])
    for weight in (0.5, 0.75, 0.9):
        only_edge = torch.tensor([[[1, 255]]])
        loss = Edges(positive_weight=weight).loss(raw, only_edge).item()
        assert loss == pytest.approx(weight * math.log(2))
        assert Edges(positive_weight=weight).loss(raw, target).item() == pytest.approx(
            math.log(2) / 2
        )


def test_a_confident_network_has_a_finite_loss_and_gradient():
    raw = torch.tensor([[[[-500.0, 500.0]]]], requires_grad=True)
    loss = TASK.loss(raw, torch.tensor([[[1, 0]]]))
    loss.backward()
    assert loss.item() == pytest.approx(500 / 2)
    assert raw.grad.flatten().tolist() == pytest.approx([-0.475, 0.025])


def test_decoded_values_are_probabilities():
    decoded = TASK.decode(torch.tensor([[[[0.0, math.log(3.0), -90.0]]]], dtype=torch.bfloat16))
    assert decoded.dtype == torch.float32
    assert decoded.shape == (1, 1, 3)
    assert decoded[0, 0].tolist() == pytest.approx([0.5, 0.75, 0], abs=1e-3)


def test_the_tolerance_is_passed_to_the_metric():
    metric = Edges(max_distance=0.011).metrics()["odsf"]
    assert isinstance(metric, OdsF)
    assert metric.max_distance == 0.011
    assert TASK.metrics()["odsf"].max_distance == 0.0075


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positive_weight": 0.0}, "positive_weight: expected a number between 0 and 1, got 0.0"),
        ({"positive_weight": 1.0}, "positive_weight"),
        ({"positive_weight": math.nan}, "positive_weight"),
        ({"max_distance": 0.0}, "max_distance: expected a fraction of the image's diagonal"),
        ({"max_distance": 4.3}, "got 4.3"),
        ({"name": "image"}, "name: expected"),
    ],
)
def test_arguments_out_of_range_are_rejected(arguments, message):
    with pytest.raises(InputError, match=message):
        Edges(**arguments)


@pytest.mark.parametrize("wrong", [-1, 2, 254])
def test_errors_name_invalid_labels(wrong):
    target = EdgeMap(torch.tensor([[0, 1], [255, wrong]]))
    with pytest.raises(InputError, match=rf"edges: expected 0 \(no edge\), .* got \[{wrong}\]"):
        TASK.check(target)


def test_error_is_the_distance_to_the_label():
    error = TASK.error(torch.tensor([[[0.25, 0.25, 0.25]]]), torch.tensor([[[0, 1, 255]]]))
    assert error[0, 0, :2].tolist() == [0.25, 0.75]
    assert error[0, 0, 2].isnan()


def test_labels_and_probabilities_have_the_same_colors():
    paper, ink = [247, 251, 255], [8, 48, 107]  # the ends of matplotlib's "Blues"
    label = TASK.visualize(EdgeMap(torch.tensor([[0, 1, 255]])))
    assert label[:, 0].T.tolist() == [paper, ink, [0, 0, 0]]
    prediction = TASK.visualize(torch.tensor([[0.0, 1.0, 0.5]]), EdgeMap(torch.tensor([[0, 0, 0]])))
    assert prediction[:, 0, :2].T.tolist() == [paper, ink]
    assert ink < prediction[:, 0, 2].tolist() < paper
