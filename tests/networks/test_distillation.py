"""Distillation between tasks, with hand-computed values."""

import torch

from ctal.networks.distillation import Distillation


def centre(convolution, value):
    """Set a 3x3 convolution of one channel to a multiplication by `value`."""
    torch.nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, 1, 1] = value


def test_adds_the_gated_content_of_all_other_tasks():
    module = Distillation(["a", "b", "c"], channels=1)
    strengths = {("a", "b"): (2.0, 0.5), ("a", "c"): (-1.0, 3.0), ("b", "a"): (1.0, 0.0)}
    for (target, other), (content, gate) in strengths.items():
        centre(module.messages[target][other].content, content)
        centre(module.messages[target][other].gate, gate)
    features = {name: torch.rand(2, 1, 3, 4) for name in "abc"}
    b, c = features["b"], features["c"]
    with torch.no_grad():
        refined = module(features)
    expected = features["a"] + 2 * b * torch.sigmoid(0.5 * b) - c * torch.sigmoid(3 * c)
    torch.testing.assert_close(refined["a"], expected)
    assert set(module.messages["b"]) == {"a", "c"}  # no task gets its own features


def test_a_single_task_is_unchanged():
    features = {"a": torch.rand(2, 4, 3, 4)}
    torch.testing.assert_close(Distillation(["a"], 4)(features), features)


def test_convolutions_use_neighboring_pixels():
    torch.manual_seed(0)
    module = Distillation(["a", "b"], channels=2)
    features = {name: torch.zeros(1, 2, 5, 5) for name in "ab"}
    features["b"][:, :, 2, 2] = 1.0
    with torch.no_grad():
        touched = module(features)["a"].abs().sum(dim=1)[0] > 0
    expected = torch.zeros(5, 5, dtype=torch.bool)
    expected[1:4, 1:4] = True
    assert torch.equal(touched, expected)
