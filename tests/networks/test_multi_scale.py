"""Feature propagation module, with hand-computed values."""

import re

import pytest
import torch

from ctal.errors import InputError
from ctal.networks import MTINet, MultiScaleCTALNet
from ctal.networks.multi_scale import FeaturePropagation, MultiScaleInitial
from ctal.tasks import Depth, SurfaceNormals

TASKS = (Depth(), SurfaceNormals())


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


def test_out_channels_projects_all_channels_of_the_encoder():
    initial = MultiScaleInitial(TASKS, [6, 8, 10, 12], [2, 3, 4, 5]).eval()
    assert initial.out_channels == [2, 3, 4, 5]
    scales = [torch.rand(1, C, 64 // s, 96 // s) for C, s in ((6, 4), (8, 8), (10, 16), (12, 32))]
    features, raw = initial(scales)
    for s, width in enumerate(initial.out_channels):
        for task in TASKS:
            assert features[s][task.name].shape == (1, width, *scales[s].shape[2:])
            assert raw[s][task.name].shape == (1, task.channels, *scales[s].shape[2:])
    seen = [heads["depth"].blocks[0].conv1.in_channels for heads in initial.heads]
    assert seen == [6 + 3, 8 + 4, 10 + 5, 12]  # the encoder's, and the task's of the coarser scale


def test_out_channels_defaults_to_those_of_the_encoder():
    one = MultiScaleInitial(TASKS, [6, 8, 10, 12])
    other = MultiScaleInitial(TASKS, [6, 8, 10, 12], [6, 8, 10, 12])
    assert one.out_channels == [6, 8, 10, 12]
    assert str(one) == str(other)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("network", [MTINet, MultiScaleCTALNet])
def test_networks_of_four_scales_accept_out_channels(network, encoder):
    net = network(TASKS, encoder, image_size=(64, 96), out_channels=[5, 6, 7, 8]).eval()
    assert net.initial.out_channels == [5, 6, 7, 8]
    with torch.no_grad():
        raw = net.predict_raw(torch.rand(1, 3, 64, 96))
    assert [maps["depth"].shape[2:] for maps in raw.initial] == [(16, 24), (8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize("out_channels", [[5, 6, 7], [5, 6, 7, 0], []])
def test_out_channels_require_one_integer_per_scale(out_channels):
    message = rf"out_channels: expected 4 integers >= 1, .* got {re.escape(str(out_channels))}$"
    with pytest.raises(InputError, match=message):
        MultiScaleInitial(TASKS, [6, 8, 10, 12], out_channels)


def test_one_channel_is_supported():
    net = MTINet(TASKS[:2], "test_resnet", image_size=(64, 96), out_channels=[1, 1, 1, 1])
    assert net(torch.rand(2, 3, 64, 96)).final["depth"].shape == (2, 1, 64, 96)
