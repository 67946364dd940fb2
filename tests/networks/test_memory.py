import torch
from torch import nn

from ctal.networks import MultiScaleCTALNet
from ctal.networks.memory import set_memory_format
from ctal.tasks import Depth, SemanticSegmentation


def test_convolutions_become_channels_last_and_nothing_else_changes():
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(3), Depth()]
    network = MultiScaleCTALNet(tasks, "test_resnet", image_size=(64, 64), channels=8).eval()
    images = torch.rand(2, 3, 64, 64)
    before = network(images)
    mixing = network.refinement.ctal.mixing_weight
    values, strides = {k: v.clone() for k, v in network.state_dict().items()}, mixing.stride()
    set_memory_format(network, torch.channels_last)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert convolutions
    for module in convolutions:
        assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert mixing.stride() == strides
    for name, value in network.state_dict().items():
        assert torch.equal(value, values[name])
    for name, raw in network(images).final.items():
        torch.testing.assert_close(raw, before.final[name], rtol=1e-3, atol=1e-4)
