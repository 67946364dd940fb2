"""Small networks to export."""

import torch

from ctal.networks import CTALNet
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(3, class_names=["a", "b", "c"]), Depth(), SurfaceNormals()]


def small_network(kind=CTALNet, encoder="test_resnet", image_size=(32, 64), **options):
    torch.manual_seed(0)
    return kind(TASKS, encoder, image_size=image_size, **options).eval()
