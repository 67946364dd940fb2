"""Tests of all networks: parameter counts, shapes, gradients, reloading, compilation."""

import copy
import itertools

import pytest
import torch
from tests.networks import small_models  # noqa: F401 - makes timm know the TRANSFORMERS

from ctal.errors import InputError
from ctal.networks import (
    CTALNet,
    Encoder,
    MTINet,
    MultiScaleCTALNet,
    PADNet,
    PAPNet,
    SharedEncoderNet,
    SingleTaskNet,
    build,
    describe,
)
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)

NETWORKS = [SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, MTINet, CTALNet, MultiScaleCTALNet]
ON_LAST_STAGE = [SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, CTALNet]
NYUV2 = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
CITYSCAPES = [SemanticSegmentation(19), Depth()]
TRANSFORMERS = ["small_swin", "small_dinov2"]


class Stubborn(torch.nn.Module):
    """A module that supports one size only."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def resize(self, size):
        if size != self.size:
            raise InputError("image_size: this part cannot be resized")


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("network", "tasks", "image_size", "expected"),
    [
        (SingleTaskNet, NYUV2, (288, 384), 11_807_897),
        (SharedEncoderNet, NYUV2, (288, 384), 4_086_457),
        (PADNet, NYUV2, (288, 384), 12_077_440),
        (PAPNet, NYUV2, (288, 384), 4_780_425),
        (MTINet, NYUV2, (288, 384), 12_638_901),
        (CTALNet, NYUV2, (288, 384), 6_057_216),
        (MultiScaleCTALNet, NYUV2, (288, 384), 11_149_783),
        (SingleTaskNet, CITYSCAPES, (128, 256), 7_874_280),
        (SharedEncoderNet, CITYSCAPES, (128, 256), 4_013_560),
        (PADNet, CITYSCAPES, (128, 256), 7_008_262),
        (PAPNet, CITYSCAPES, (128, 256), 4_501_770),
        (MTINet, CITYSCAPES, (128, 256), 8_566_734),
        (CTALNet, CITYSCAPES, (128, 256), 5_262_854),
        (MultiScaleCTALNet, CITYSCAPES, (128, 256), 8_474_086),
    ],
)
def test_parameter_counts_of_the_published_networks(network, tasks, image_size, expected):
    options = {"shared_mixing": True} if network in (CTALNet, MultiScaleCTALNet) else {}
    assert parameters(network(tasks, image_size=image_size, **options)) == expected


def test_task_specific_mixing_adds_one_set_per_additional_task():
    counts = [
        parameters(CTALNet(NYUV2, "test_resnet", image_size=(64, 96), shared_mixing=shared))
        for shared in (True, False)
    ]
    P, T = 16 * 24, 3
    assert counts[1] - counts[0] == (T - 1) * P * (9 * T + 1)


@pytest.mark.parametrize("network", NETWORKS)
class TestEveryNetwork:
    size = (64, 96)

    def make(self, network):
        torch.manual_seed(0)
        return network(NYUV2, "test_efficientnet", image_size=self.size)

    def test_raw_maps_have_the_size_of_the_images(self, network):
        out = self.make(network)(torch.rand(2, 3, *self.size))
        shapes = {"semseg": (2, 13, 64, 96), "depth": (2, 1, 64, 96), "normals": (2, 3, 64, 96)}
        for maps in [out.final, *out.initial]:
            assert {name: tuple(x.shape) for name, x in maps.items()} == shapes
            assert list(maps) == list(shapes)  # in the order of the tasks

    def test_every_parameter_gets_a_gradient(self, network):
        net = self.make(network)
        out = net(torch.rand(2, 3, *self.size))
        sum(
            x.square().sum() for maps in [out.final, *out.initial] for x in maps.values()
        ).backward()
        without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
        assert without == [], "parameters without a gradient: see CONTRIBUTING.md, A network"

    def test_description_and_weights_give_the_same_network(self, network):
        net = self.make(network).eval()
        again = build(describe(net)).eval()
        again.load_state_dict(net.state_dict())
        images = torch.rand(1, 3, *self.size)
        with torch.no_grad():
            first, second = net(images).final, again(images).final
        assert list(first) == list(second)
        for name in first:
            torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)

    def test_copies(self, network):
        net = self.make(network).eval()
        images = torch.rand(1, 3, *self.size)
        with torch.no_grad():
            torch.testing.assert_close(copy.deepcopy(net)(images).final, net(images).final)

    def test_the_error_of_a_wrong_size_names_the_right_one(self, network):
        with pytest.raises(InputError, match=r"\(B, 3, 64, 96\).*got \(1, 3, 64, 64\)"):
            self.make(network)(torch.rand(1, 3, 64, 64))

    def test_resizing_and_back(self, network):
        net = self.make(network)
        shapes = {name: value.shape for name, value in net.state_dict().items()}
        for size in ((96, 64), (32, 32), self.size):
            net.resize(size)
            net.zero_grad()
            out = net.train()(torch.rand(2, 3, *size))
            loss = sum(
                x.square().sum() for maps in [out.final, *out.initial] for x in maps.values()
            )
            loss.backward()
            assert out.final["normals"].shape == (2, 3, *size)
            without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
            assert without == [], "parameters without a gradient: see CONTRIBUTING.md, A network"
        assert {name: value.shape for name, value in net.state_dict().items()} == shapes

    def test_a_resized_network_is_described_and_reloaded(self, network):
        net = self.make(network)
        net.resize([96, 64])
        assert net.arguments["image_size"] == net.image_size == (96, 64)
        again = build(describe(net)).eval()
        again.load_state_dict(net.state_dict())
        images = torch.rand(1, 3, 96, 64)
        with torch.no_grad():
            torch.testing.assert_close(
                again(images).final, net.eval()(images).final, rtol=0, atol=0
            )

    def test_resizing_to_the_same_size_changes_nothing(self, network):
        net = self.make(network).eval()
        images = torch.rand(1, 3, *self.size)
        with torch.no_grad():
            before = net(images).final
            net.resize(self.size)
            torch.testing.assert_close(net(images).final, before, rtol=0, atol=0)

    def test_a_size_that_a_module_rejects_leaves_the_network_unchanged(self, network):
        net = self.make(network).eval()
        net.last = Stubborn(self.size)
        parameters, images = dict(net.named_parameters()), torch.rand(1, 3, *self.size)
        with torch.no_grad():
            before = net(images).final
            with pytest.raises(InputError, match="this part cannot be resized"):
                net.resize((96, 64))
            torch.testing.assert_close(net(images).final, before, rtol=0, atol=0)
        assert all(p is parameters[name] for name, p in net.named_parameters())
        assert net.arguments["image_size"] == net.image_size == self.size

    @pytest.mark.parametrize(
        ("size", "message"),
        [
            ((100, 128), r"multiples of 32 .*got 100x128"),
            ((64, 0), r"height and width in pixels, or .*, got \(64, 0\)"),
            ((64, 64, 64), r"height and width in pixels, or .*, got \(64, 64, 64\)"),
        ],
    )
    def test_invalid_sizes(self, network, size, message):
        with pytest.raises(InputError, match=f"^image_size: expected .*{message}") as caught:
            self.make(network).resize(size)
        assert "\n" not in str(caught.value)

    def test_bfloat16_autocast(self, network):
        net = self.make(network)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = net(torch.rand(2, 3, *self.size))
        assert all(x.isfinite().all() for x in out.final.values())


@pytest.mark.parametrize("encoder", TRANSFORMERS)
@pytest.mark.parametrize("network", NETWORKS)
class TestEveryNetworkOnTransformers:
    """Checks that depend on the encoder; CNNs are covered by all tests above."""

    size = (64, 96)

    def test_sizes_and_gradients(self, network, encoder):
        torch.manual_seed(0)
        net = network(CITYSCAPES, encoder, image_size=self.size)
        for size in (self.size, (96, 64)):
            net.resize(size)
            net.zero_grad()
            out = net(torch.rand(2, 3, *size))
            maps = [raw for maps in [out.final, *out.initial] for raw in maps.values()]
            assert {tuple(raw.shape) for raw in maps} == {(2, 19, *size), (2, 1, *size)}
            sum(raw.square().sum() for raw in maps).backward()
            without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
            assert without == [], "parameters without a gradient: see CONTRIBUTING.md, A network"

    def test_description_and_weights_give_the_same_network(self, network, encoder):
        torch.manual_seed(0)
        net = network(CITYSCAPES, encoder, image_size=self.size).eval()
        images = torch.rand(1, 3, *self.size)
        again = build(describe(net)).eval()
        again.load_state_dict(net.state_dict())
        with torch.no_grad():
            first, second = net(images).final, again(images).final
        assert list(first) == list(second)
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def assert_compiles(net, images):
    torch.compiler.reset()  # torch limits how often code shared by all networks is compiled
    results = []
    for call in (net, torch.compile(net, backend="eager", fullgraph=True)):
        torch.manual_seed(0)  # of the blocks that a Swin drops in training
        results.append(call(images).final)
    torch.testing.assert_close(results[1], results[0])
    results[1]["depth"].sum().backward()


@pytest.mark.parametrize(
    ("network", "encoder"),  # every network once, and every kind of encoder
    list(zip(NETWORKS, itertools.cycle([*TRANSFORMERS, "test_resnet"]))),
)
def test_compiles_as_one_graph(network, encoder):
    torch.manual_seed(0)
    net = network(CITYSCAPES, encoder, image_size=(32, 64))
    assert_compiles(net, torch.rand(2, 3, 32, 64))


def test_the_factorised_form_compiles_as_one_graph():
    torch.manual_seed(0)
    net = CTALNet(CITYSCAPES, "test_resnet", image_size=(32, 32), method="factorised")
    assert_compiles(net, torch.rand(2, 3, 32, 32))


def test_initial_predictions_per_scale():
    images = torch.rand(2, 3, 64, 64)
    counts = {
        network: len(network(NYUV2, "test_resnet", image_size=(64, 64))(images).initial)
        for network in NETWORKS
    }
    assert counts == {
        SingleTaskNet: 0,
        SharedEncoderNet: 0,
        PADNet: 1,
        PAPNet: 1,
        MTINet: 4,
        CTALNet: 1,
        MultiScaleCTALNet: 4,
    }


@pytest.mark.parametrize("network", ON_LAST_STAGE)
def test_the_variant_for_transformers_uses_the_last_stage_only(network):
    net = network(NYUV2, "test_resnet", image_size=(64, 96), last_stage=True).eval()
    encoders = [part for part in net.modules() if isinstance(part, Encoder)]
    assert encoders
    for encoder in encoders:
        assert [tuple(x.shape) for x in encoder(torch.rand(2, 3, 64, 96))] == [(2, 96, 2, 3)]
        assert encoder.out_channels == [96]


@pytest.mark.parametrize("network", ON_LAST_STAGE)
def test_every_weight_on_the_last_stage_of_a_plain_vit_gets_a_gradient(network):
    """DDP waits for the gradients of all weights, and hangs if one has none."""
    net = network(NYUV2, "test_vit", image_size=(64, 96), last_stage=True)
    predictions = net(torch.rand(2, 3, 64, 96))
    maps = [predictions.final, *predictions.initial]
    sum(x.square().sum() for named in maps for x in named.values()).backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("network", ON_LAST_STAGE)
def test_heads_with_batch_normalization_require_two_images(network):
    net = network(NYUV2, "test_resnet", image_size=(64, 96), last_stage=True)
    with pytest.raises(
        InputError, match="batch_size: expected at least 2 images in a training batch, got 1"
    ):
        net(torch.rand(1, 3, 64, 96))
    assert net.eval()(torch.rand(1, 3, 64, 96)).final["depth"].shape == (1, 1, 64, 96)


@pytest.mark.parametrize("channels", [0, 3, 30])
@pytest.mark.parametrize("network", [CTALNet, MultiScaleCTALNet, PAPNet])
def test_invalid_channels_of_a_bottleneck(network, channels):
    with pytest.raises(InputError, match=rf"^channels: expected .*got {channels}$"):
        network(NYUV2, "test_resnet", image_size=(64, 96), channels=channels)


def test_transformer_network_of_the_paper():
    tasks = [SemanticSegmentation(21), HumanParts(), Saliency(), SurfaceNormals(), Edges()]
    with torch.device("meta"):
        net = CTALNet(tasks, "swinv2_small_window8_256", image_size=(512, 512), last_stage=True)
    assert net.refinement.ctal.mixing_weight.shape == (5, 16 * 16, 5, 3, 3)
    assert [type(part) for part in net.refinement.reduce["edges"]] == [
        torch.nn.Conv2d,
        torch.nn.BatchNorm2d,
        torch.nn.ReLU,
    ]
    atrous = [
        m.dilation[0]
        for m in net.decoders["edges"].modules()
        if isinstance(m, torch.nn.Conv2d) and m.dilation != (1, 1)
    ]
    assert atrous == [12, 24, 36]


def test_single_task_networks_share_nothing():
    net = SingleTaskNet(NYUV2, "test_resnet", image_size=(64, 64))
    net(torch.rand(2, 3, 64, 64)).final["depth"].sum().backward()
    touched = {n.split(".")[1] for n, p in net.named_parameters() if p.grad is not None}
    assert touched == {"depth"}


def test_tasks_require_different_names():
    with pytest.raises(InputError, match=r"different names, got \['depth', 'depth'\]"):
        SharedEncoderNet([Depth(), Depth()], "test_resnet", image_size=(64, 64))
    with pytest.raises(InputError, match="one or more"):
        SharedEncoderNet([], "test_resnet", image_size=(64, 64))


def test_lean_heads_predict_at_stride_4():
    options = {"image_size": (64, 96), "channels": 16}
    network = MultiScaleCTALNet(NYUV2, "test_resnet", lean=True, **options)
    raw = network.predict_raw(torch.rand(2, 3, 64, 96)).final
    assert {name: tuple(x.shape) for name, x in raw.items()} == {
        "semseg": (2, 13, 16, 24),
        "depth": (2, 1, 16, 24),
        "normals": (2, 3, 16, 24),
    }
    assert parameters(network) < parameters(MultiScaleCTALNet(NYUV2, "test_resnet", **options))
    rebuilt = build(describe(network))
    rebuilt.load_state_dict(network.state_dict())
