import pytest
import torch
from tests.export.checkpoints import small_network
from tests.networks import small_models  # noqa: F401 - makes timm know the transformers

from ctal.errors import InputError
from ctal.export.tracing import Deployed, traced
from ctal.networks import (
    CTALNet,
    MTINet,
    MultiScaleCTALNet,
    Network,
    PADNet,
    PAPNet,
    Predictions,
    SharedEncoderNet,
    SingleTaskNet,
)
from ctal.tasks import Depth


def test_only_initial_heads_are_omitted(network, graph):
    kept = {name.removeprefix("network.") for name in graph.state_dict}
    dropped = set(network.state_dict()) - kept
    of_heads = {
        f"initial.heads.{task.name}.predict.{kind}"
        for task in network.tasks
        for kind in ("weight", "bias")
    }
    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    assert dropped == of_heads | counters
    assert "initial.heads.depth.blocks.0.conv1.weight" in kept  # its features are needed


def test_only_torch_operators_remain(graph):
    called = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    assert {target.namespace for target in called if hasattr(target, "namespace")} == {"aten"}


def test_the_network_is_unchanged(network, graph):
    out = network(torch.rand(1, 3, 32, 64))
    assert set(out.initial[0]) == {"semseg", "depth", "normals"}


class Hesitant(Network):
    """Network with a data-dependent branch on the brightness."""

    def predict_raw(self, images):
        bright = images.mean() > 0.5
        return Predictions({"depth": images[:, :1] if bright else images[:, 1:2]}, [])


def test_a_network_that_cannot_be_traced(monkeypatch):
    with pytest.raises(InputError, match=r"^Hesitant: torch\.export cannot trace") as caught:
        traced(Deployed(Hesitant([Depth()], image_size=(32, 32))).eval())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, MTINet])
def test_networks_without_ctal_accept_any_size(kind):
    network = small_network(kind)
    program = traced(Deployed(network, any_size=True).eval()).module()
    for count, *size in ((1, 64, 128), (2, 96, 64), (3, 64, 64)):
        images = torch.rand(count, 3, *size)
        network.resize(size)
        with torch.inference_mode():
            torch.testing.assert_close(program(images), Deployed(network)(images))


@pytest.mark.parametrize("kind", [CTALNet, MultiScaleCTALNet])
@pytest.mark.parametrize("shared", [False, True])
def test_mixing_weights_belong_to_pixels(kind, shared):
    network = small_network(kind, shared_mixing=shared)
    with pytest.raises(InputError, match=r"Net: expected a network without CTAL .* --image_size"):
        Deployed(network, any_size=True)


def test_an_encoder_of_one_size_is_reported():
    model = Deployed(small_network(SharedEncoderNet, "small_dinov2"), any_size=True).eval()
    with pytest.raises(InputError, match=r"cannot trace this network for images of any size: "):
        traced(model)
