"""Final maps of the published networks with the same weights."""

import json
from pathlib import Path

import pytest
import torch

from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

GOLDENS = Path(__file__).parents[3] / "shared/goldens/hrnet_shared_encoder.json"


def filled(value):
    """Return weights that depend only on the shape, as in the README.md of the goldens."""
    base = torch.sin(0.7 * torch.arange(value.numel()).double() + sum(value.shape))
    return base.reshape(value.shape)


def fill(network):
    for name, value in network.state_dict().items():
        base = filled(value)
        if not value.is_floating_point() or name in ("encoder.mean", "encoder.std"):
            continue
        if value.ndim >= 2:
            new = 1.6 * base / torch.tensor(value.shape[1:]).prod().double().sqrt()
        elif name.endswith("running_var"):
            new = 1 + 0.2 * base**2
        elif name.endswith("running_mean"):
            new = 0.05 * base
        elif name.endswith("bias"):
            new = 0.1 * base
        else:
            new = 1 + 0.1 * base
        value.copy_(new)


@pytest.mark.skipif(not GOLDENS.is_file(), reason="the goldens are not in the repository")
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_the_published_shared_encoder(mode):
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    network = SharedEncoderNet(
        tasks, "hrnet_w18_small_v2", image_size=(64, 96), upsampling=mode
    ).double()
    expected = json.loads(GOLDENS.read_text())["nyu/hps"]
    assert sum(p.numel() for p in network.parameters()) == expected["params"]
    fill(network)
    images = torch.sin(0.013 * torch.arange(2 * 3 * 64 * 96).double()).reshape(2, 3, 64, 96)
    mean, std = network.encoder.mean, network.encoder.std
    with torch.no_grad():
        final = network.train()(images * std + mean).final
    differences = []
    for task in tasks:
        raw, golden = final[task.name], expected[task.name]
        assert list(raw.shape) == golden["shape"]
        samples = raw.flatten()[:: raw.numel() // 7][:7]
        differences.append(
            (samples - torch.tensor(golden["samples"], dtype=torch.float64)).abs().max()
        )
        differences.append((raw.mean() - golden["mean"]).abs())
        differences.append((raw.std() - golden["std"]).abs())
    largest = float(max(differences))
    assert largest < 1e-13 if mode == "bilinear" else largest > 0.1  # timm's version differs
