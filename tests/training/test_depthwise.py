"""Backward pass of depthwise convolutions in bfloat16, against that of PyTorch in float64."""

from itertools import product

import pytest
import torch
from torch import nn

from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule
from ctal.training.depthwise import input_gradient, weight_gradient
from ctal.training.fast_backward import fast_backward

CASES = [  # size of x, of the weights, stride, padding
    ((9, 12), (3, 3), (1, 1), (1, 1)),
    ((9, 12), (5, 5), (1, 1), (2, 2)),
    ((11, 14), (7, 4), (1, 1), (3, 0)),
    ((15, 17), (5, 5), (2, 2), (0, 0)),
    ((16, 13), (5, 3), (2, 3), (2, 1)),  # the stride does not reach the last rows
    ((8, 8), (8, 3), (3, 1), (7, 2)),
]


@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_those_of_float64(case):
    size, kernel, stride, padding = case
    torch.manual_seed(0)
    x = torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)
    w = torch.randn(6, 1, *kernel, dtype=torch.float64, requires_grad=True)
    out = torch.conv2d(x, w, None, stride, padding, groups=6)
    grad = torch.randn_like(out)
    to_x, to_w = torch.autograd.grad(out, (x, w), grad)
    torch.testing.assert_close(input_gradient(x.shape, w, grad, stride, padding), to_x)
    torch.testing.assert_close(weight_gradient(x, w.shape, grad, stride, padding), to_w)


class Nested(nn.Module):
    """Depthwise convolutions with and without bias, and others."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.Conv2d(8, 8, 5, padding=2, stride=2, groups=8),
            nn.Conv2d(8, 8, 3, padding="same", groups=8, bias=False),
            nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8),
            nn.Conv2d(8, 16, 3, padding=1, groups=8),
            nn.Conv2d(16, 16, 1, groups=16),
        )

    def forward(self, x):
        return self.layers(x).float().square().mean()


def gradients(network, image, fast):
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        if fast:
            with fast_backward(image):
                loss = network(image)
        else:
            loss = network(image)
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in network.parameters()]


def test_a_network_has_the_same_loss_and_gradients_up_to_rounding():
    torch.manual_seed(0)
    network, image = Nested(), torch.rand(2, 3, 20, 24)
    loss, expected = gradients(network, image, fast=False)
    again, found = gradients(network, image, fast=True)
    assert torch.equal(loss, again)
    for one, other in zip(expected, found, strict=True):
        assert one.dtype == other.dtype == torch.float32
        assert (one - other).norm() <= 0.01 * one.norm()


@pytest.fixture
def calls(monkeypatch):
    """List the sizes of the weights whose gradients were computed in tiles."""
    listed = []

    def counted(x, shape, grad, stride, padding):
        listed.append(tuple(shape[-2:]))
        return weight_gradient(x, shape, grad, stride, padding)

    monkeypatch.setattr("ctal.training.depthwise.weight_gradient", counted)
    return listed


def test_only_depthwise_convolutions_in_bfloat16_are_replaced(calls):
    network, image = Nested(), torch.rand(2, 3, 20, 24)
    gradients(network, image, fast=False)
    with fast_backward(image):  # without autocast
        network(image).backward()
    with torch.autocast("cpu", torch.float16), fast_backward(image):
        network(image).backward()
    with torch.autocast("cpu", torch.bfloat16), fast_backward(image, compiled=True):
        network(image).backward()
    assert calls == []
    gradients(network, image, fast=True)
    assert calls == [(5, 5)]


@pytest.mark.parametrize("bfloat16", [True, False])
def test_training_uses_it_on_a_cpu_with_bfloat16(bfloat16, calls):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(3), Depth()]
    network = SharedEncoderNet(tasks, "test_efficientnet", image_size=(32, 64))
    training = MultiTaskModule(network)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        final = training(torch.rand(2, 3, 32, 64)).final
    sum(raw.float().mean() for raw in final.values()).backward()
    assert bool(calls) == bfloat16
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scored = training(torch.rand(2, 3, 32, 64)).final
    assert not scored["depth"].requires_grad


def test_frozen_weights_and_inputs_get_no_gradient():
    image = torch.rand(1, 4, 8, 8)
    for frozen in product((False, True), repeat=2):
        layer, before = nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 1)
        layer.requires_grad_(not frozen[0])
        before.requires_grad_(not frozen[1])
        with torch.autocast("cpu", torch.bfloat16), fast_backward(image):
            out = layer(before(image))
        if not all(frozen):
            out.float().sum().backward()
        assert [part.weight.grad is None for part in (layer, before)] == list(frozen)
