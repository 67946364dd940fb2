"""The feature propagation module, on numbers small enough to follow; tasks' features per scale."""

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


def test_features_have_the_widths_asked_for_made_of_all_that_the_encoder_gives():
    initial = MultiScaleInitial(TASKS, [6, 8, 10, 12], [2, 3, 4, 5]).eval()
    assert initial.widths == [2, 3, 4, 5]
    scales = [torch.rand(1, C, 64 // s, 96 // s) for C, s in ((6, 4), (8, 8), (10, 16), (12, 32))]
    features, raw = initial(scales)
    for s, width in enumerate(initial.widths):
        for task in TASKS:
            assert features[s][task.name].shape == (1, width, *scales[s].shape[2:])
            assert raw[s][task.name].shape == (1, task.channels, *scales[s].shape[2:])
    seen = [heads["depth"].blocks[0].conv1.in_channels for heads in initial.heads]
    assert seen == [6 + 3, 8 + 4, 10 + 5, 12]  # the encoder's, and the task's of the coarser scale


def test_features_have_the_encoders_widths_unless_others_are_asked_for():
    one = MultiScaleInitial(TASKS, [6, 8, 10, 12])
    other = MultiScaleInitial(TASKS, [6, 8, 10, 12], [6, 8, 10, 12])
    assert one.widths == [6, 8, 10, 12]
    assert str(one) == str(other)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("network", [MTINet, MultiScaleCTALNet])
def test_networks_of_four_scales_take_widths(network, encoder):
    net = network(TASKS, encoder, image_size=(64, 96), widths=[5, 6, 7, 8]).eval()
    assert net.initial.widths == [5, 6, 7, 8]
    with torch.no_grad():
        raw = net.predict_raw(torch.rand(1, 3, 64, 96))
    assert [maps["depth"].shape[2:] for maps in raw.initial] == [(16, 24), (8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize("widths", [[5, 6, 7], [5, 6, 7, 0], []])
def test_widths_that_are_not_one_for_each_scale_are_refused(widths):
    message = rf"widths: expected 4 numbers .* got {re.escape(str(widths))}$"
    with pytest.raises(InputError, match=message):
        MultiScaleInitial(TASKS, [6, 8, 10, 12], widths)


def test_widths_of_one_are_the_least():
    net = MTINet(TASKS[:2], "test_resnet", image_size=(64, 96), widths=[1, 1, 1, 1])
    assert net(torch.rand(2, 3, 64, 96)).final["depth"].shape == (2, 1, 64, 96)
