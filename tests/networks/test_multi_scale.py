"""The feature propagation module, on numbers small enough to follow."""

import torch

from ctal.networks.multi_scale import FeaturePropagation


def test_attention_is_a_softmax_over_tasks_per_channel():
    torch.manual_seed(0)
    module = FeaturePropagation(["a", "b"], channels=4).eval()
    features = {"a": torch.rand(1, 4, 2, 2), "b": torch.rand(1, 4, 2, 2)}
    seen = []
    module.shared.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        module(features)
        together = torch.cat([features["a"], features["b"]], dim=1)
        scores = module.attention(together)
    share_of_a = torch.sigmoid(scores[:, :4] - scores[:, 4:])  # a softmax of two
    expected = torch.cat([share_of_a * features["a"], (1 - share_of_a) * features["b"]], dim=1)
    torch.testing.assert_close(seen[0], expected)


def test_features_pass_through_where_nothing_is_shared():
    module = FeaturePropagation(["a", "b"], channels=4).eval()
    features = {"a": torch.rand(1, 4, 2, 2), "b": torch.rand(1, 4, 2, 2)}
    module.shared = torch.nn.Conv2d(8, 4, 1, bias=False)
    torch.nn.init.zeros_(module.shared.weight)
    with torch.no_grad():
        torch.testing.assert_close(module(features), features)
