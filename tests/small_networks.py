"""Small networks and checkpoints for tests."""

from pathlib import Path

import torch

from ctal.networks import CTALNet, Network, Predictions, SharedEncoderNet, describe
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals()]


class Echo(Network):
    """Network whose maps are functions of the color.

    The class is the largest of red, green and blue, the depth 10 m times red, and the normal the
    color minus gray.
    """

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.scale = torch.nn.Parameter(torch.tensor(10.0))

    def predict_raw(self, images):
        maps = {"semseg": images, "depth": self.scale * images[:, :1], "normals": images - 0.5}
        return Predictions({task.name: maps[task.name] for task in self.tasks}, [])


def shared_encoder():
    torch.manual_seed(0)
    return SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 64)).eval()


def with_mixing():
    """Create a network with pixel-specific weights."""
    torch.manual_seed(0)
    network = CTALNet(TASKS, "test_resnet", image_size=(32, 64), channels=8).eval()
    torch.nn.init.constant_(network.decoders["depth"][-1].bias, 9.0)  # no depths below 0
    return network


def write_checkpoint(network, path):
    path = Path(path)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state, "ctal": describe(network), "epoch": 3}, path)
    return path
