"""Saliency task."""

import math

import pytest
import torch
import torch.nn.functional as F

from ctal.errors import InputError
from ctal.maps import ClassMap
from ctal.tasks import Saliency

TASK = Saliency()


def scores(*log_odds):
    """Return raw maps (1, 2, 1, N) with these log-odds of being salient."""
    odds = torch.tensor(log_odds)
    return torch.stack([0.5 - odds / 2, 0.5 + odds / 2])[None, :, None]


def test_loss_by_hand():
    # one salient pixel of four: its weight is 3/4, that of the others 1/4
    raw = scores(math.log(3.0), 0.0, 0.0, 0.0, 9.0)
    loss = TASK.loss(raw, torch.tensor([[[1, 0, 0, 0, 255]]]))
    expected = (-0.75 * math.log(0.75) - 3 * 0.25 * math.log(0.5)) / 4
    assert loss.item() == pytest.approx(expected)


def test_loss_equals_torch_with_the_weights_of_the_batch():
    raw = torch.randn(3, 2, 5, 7)
    target = (torch.rand(3, 5, 7) < 0.2).long()
    target[torch.rand(target.shape) < 0.3] = 255
    known = target[target != 255]
    share = known.float().mean()
    weights = torch.stack([share, 1 - share])
    total = F.cross_entropy(raw, target, weights, ignore_index=255, reduction="sum")
    torch.testing.assert_close(TASK.loss(raw, target), total / len(known))


@pytest.mark.parametrize("answer", [0, 1])
def test_a_batch_with_one_class_is_not_balanced(answer):
    raw = torch.randn(2, 2, 3, 3, requires_grad=True)
    loss = TASK.loss(raw, torch.full((2, 3, 3), answer))
    loss.backward()
    assert loss.item() == 0
    assert not raw.grad.any()


def test_softmax_is_applied_once():
    decoded = TASK.decode(scores(0.0, math.log(3.0), -90.0, 90.0).half())
    assert decoded.dtype == torch.float32
    assert decoded.shape == (1, 1, 4)
    assert decoded[0, 0].tolist() == pytest.approx([0.5, 0.75, 0, 1], abs=1e-3)


def test_errors_name_invalid_labels():
    with pytest.raises(InputError, match=r"saliency: expected 0 \(not salient\), .* got \[2, 9\]"):
        TASK.check(ClassMap(torch.tensor([[0, 9, 2, 255]])))


def test_labels_and_probabilities_have_the_same_colors():
    label = TASK.visualize(ClassMap(torch.tensor([[0, 1, 255]])))
    prediction = TASK.visualize(torch.tensor([[0.0, 1.0, 0.5]]))
    assert torch.equal(label[..., :2], prediction[..., :2])
    assert not label[..., 2].any()
    assert prediction[..., 2].any()
