"""Gradients of resized maps are made contiguous, and remain the same."""

import pytest
import torch
import torch.nn.functional as F

from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth
from ctal.training import MultiTaskModule
from ctal.training.fast_backward import fast_backward

LAST = torch.channels_last


def gradient(context, memory_format):
    """Return the gradient of maps, and the strides of that of the resized maps."""
    x = torch.arange(48.0).view(2, 4, 2, 3).contiguous(memory_format=memory_format)
    x.requires_grad_()
    seen = []
    with context:
        y = F.interpolate(x, size=(4, 6), mode="bilinear")
    y.register_hook(lambda g: seen.append(g.stride()))
    others = torch.ones(2, 3, 4, 6).contiguous(memory_format=memory_format)
    joined = torch.cat([others, y], dim=1)
    factors = torch.arange(joined.numel()).view(2, 4, 6, 7).permute(0, 3, 1, 2)
    (joined * factors.contiguous(memory_format=memory_format)).sum().backward()
    return x.grad, seen[0]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, LAST])
def test_a_slice_of_channels_is_copied(memory_format):
    plain, before = gradient(torch.enable_grad(), memory_format)
    found, after = gradient(fast_backward(torch.zeros(1)), memory_format)
    assert torch.equal(found, plain)
    assert before != after
    assert after == torch.empty(2, 4, 4, 6).contiguous(memory_format=memory_format).stride()


def test_only_in_training_without_a_compiled_network():
    _, plain = gradient(torch.enable_grad(), LAST)
    assert gradient(fast_backward(torch.zeros(1), compiled=True), LAST)[1] == plain
    assert gradient(fast_backward(torch.zeros(1, device="meta")), LAST)[1] == plain
    with torch.no_grad():
        context = fast_backward(torch.zeros(1))
    assert gradient(context, LAST)[1] == plain


def test_labels_and_single_rows_are_resized_as_before():
    with fast_backward(torch.zeros(1)):
        labels = F.interpolate(torch.ones(1, 1, 2, 2), scale_factor=2)
        rows = F.interpolate(torch.ones(1, 2, 3, requires_grad=True), size=6, mode="linear")
    assert labels.shape == (1, 1, 4, 4)
    rows.sum().backward()


class WithoutGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return None


def test_a_map_without_a_gradient():
    x = torch.ones(1, 2, 2, 2, requires_grad=True)
    with fast_backward(torch.zeros(1)):
        y = F.interpolate(x, size=4)
    WithoutGradient.apply(y).sum().backward()
    assert x.grad is None or not x.grad.any()


def test_training_uses_it(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "ctal.training.module.fast_backward",
        lambda images, *, compiled: (seen.append(compiled), fast_backward(images))[1],
    )
    network = SharedEncoderNet([Depth()], encoder="test_resnet", image_size=(32, 64))
    MultiTaskModule(network)(torch.zeros(2, 3, 32, 64))
    assert seen == [False]
