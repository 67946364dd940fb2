"""A network takes from a trained one what fits, whatever differs between the two."""

import copy
import logging

import pytest
import torch
from tests.networks import small_models  # noqa: F401 - registers small_swin and small_dinov2
from torch import nn

from ctal.errors import InputError
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
    initialize_from,
)
from ctal.networks.transfer import transfer
from ctal.tasks import Depth, InverseDepth, SemanticSegmentation, SurfaceNormals

SIZE, LARGER = (32, 64), (64, 64)
SEMSEG, DEPTH, NORMALS = SemanticSegmentation(3), Depth(), SurfaceNormals()
TASKS = [SEMSEG, DEPTH, NORMALS]
NETWORKS = [SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, MTINet, CTALNet, MultiScaleCTALNet]
WITH_CTAL = [CTALNet, MultiScaleCTALNet]


def made(kind, tasks=TASKS, size=SIZE, seed=0, encoder="test_resnet", **options):
    """A network whose every weight and statistic is random, in evaluation mode."""
    torch.manual_seed(seed)
    network = kind(tasks, encoder, image_size=size, **options).eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point() and ("running_" in name or "bn" in name):
            value.uniform_(0.5, 1.5)
    return network


def taken(kind, tasks=TASKS, size=SIZE, source=None, **options):
    """A network that has taken from another one, which is not changed, and the report."""
    network = made(kind, tasks, size, seed=1, **options)
    return network, transfer(copy.deepcopy(source), network, "source")


def final(network, size=SIZE):
    torch.manual_seed(2)
    with torch.no_grad():
        return network(torch.rand(2, 3, *size)).final


def assert_equal_maps(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-5)


def layers(names):
    return {name.rpartition(".")[0] for name in names}


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_tasks_in_another_order(kind):
    source = made(kind)
    network, report = taken(kind, [NORMALS, SEMSEG, DEPTH], source=source)
    assert report.whole == set(network.state_dict())
    assert not torch.equal(final(made(kind, seed=1))["depth"], final(source)["depth"])
    assert_equal_maps(final(network), {name: final(source)[name] for name in final(network)})


@pytest.mark.parametrize("kind", NETWORKS)
def test_another_size_is_that_of_the_resized_network(kind):
    source = made(kind)
    network, report = taken(kind, size=LARGER, source=source)
    assert report.whole == set(network.state_dict())
    source.resize(LARGER)
    assert_equal_maps(final(network, LARGER), final(source, LARGER))


@pytest.mark.parametrize("kind", NETWORKS)
def test_another_number_of_classes_renews_the_output_layers_alone(kind):
    source, fresh = made(kind), made(kind, [SemanticSegmentation(5), DEPTH, NORMALS], seed=1)
    network, report = taken(kind, fresh.tasks, source=source)
    outputs = {name for name in layers(report.new) if ".semseg" in name}
    assert layers(report.new) == outputs
    for name, value in network.state_dict().items():
        expected = fresh if name in report.new else source
        assert torch.equal(value, expected.state_dict()[name]), name
    assert {len(network.state_dict()[name]) for name in report.new} == {5}


def test_the_new_layers_by_name():
    _, report = taken(CTALNet, [SemanticSegmentation(5)], source=made(CTALNet, [SEMSEG]))
    assert layers(report.new) == {"initial.heads.semseg.predict", "decoders.semseg.2"}
    total = len(report.names)
    expected = f"source: {total - 4} of {total} tensors taken; new: "
    assert str(report) == f"{expected}initial.heads.semseg.predict (2), decoders.semseg.* (2)"


@pytest.mark.parametrize("kind", WITH_CTAL)
def test_mixing_weights_of_the_tasks_that_both_have(kind):
    edges = Depth(name="far")
    source = made(kind)
    fresh = made(kind, [NORMALS, edges, SEMSEG], seed=1).refinement.ctal
    network, report = taken(kind, [NORMALS, edges, SEMSEG], source=source)
    ctal, theirs = network.refinement.ctal, source.refinement.ctal
    names = {"refinement.ctal.mixing_weight", "refinement.ctal.mixing_bias"}
    assert names <= report.partly
    places = {0: 2, 2: 0}  # normals and semseg
    for own in range(3):
        for other in range(3):
            found = ctal.mixing_weight[own, :, other]
            if {own, other} <= set(places):
                expected = theirs.mixing_weight[places[own], :, places[other]]
            else:
                expected = fresh.mixing_weight[own, :, other]
            assert torch.equal(found, expected)
    assert torch.equal(ctal.mixing_bias[0], theirs.mixing_bias[2])
    assert torch.equal(ctal.mixing_bias[1], fresh.mixing_bias[1])


@pytest.mark.parametrize("shared", [False, True])
def test_another_mixing_power_and_pooling_keep_what_is_added(shared):
    source = made(CTALNet, mixing_power=0.5, shared_mixing=shared)
    network, _ = taken(CTALNet, source=source, shared_mixing=shared)
    assert network.refinement.ctal.mixing_power == 0
    assert_equal_maps(final(network), final(source))
    pooled, _ = taken(CTALNet, source=source, shared_mixing=shared, pooling=2)
    expected = source.refinement.ctal
    expected.resize((4, 8))
    found = pooled.refinement.ctal
    for one, other in zip(found.mixing(), expected.mixing(), strict=True):
        torch.testing.assert_close(one, other)


def test_shared_mixing_is_not_taken_for_separate_one():
    _, report = taken(CTALNet, source=made(CTALNet, shared_mixing=True))
    assert set(report.new) == {"refinement.ctal.mixing_weight", "refinement.ctal.mixing_bias"}


@pytest.mark.parametrize("tasks", [[DEPTH], [DEPTH, NORMALS, Depth(name="far")]])
@pytest.mark.parametrize("kind", NETWORKS)
def test_fewer_and_more_tasks(kind, tasks):
    source = made(kind, [SEMSEG, DEPTH])
    network, report = taken(kind, tasks, source=source)
    own, given = network.state_dict(), source.state_dict()
    alike = {name for name in report.whole & set(given) if own[name].shape == given[name].shape}
    assert len(alike) > len(given) / 4
    assert all(torch.equal(own[name], given[name]) for name in alike)
    body = network.encoders["depth"] if kind is SingleTaskNet else network.encoder
    theirs = source.encoders["depth"] if kind is SingleTaskNet else source.encoder
    assert_equal_maps(dict(body.named_parameters()), dict(theirs.named_parameters()))
    fresh = made(kind, tasks, seed=1).state_dict()
    for name in report.new:
        assert torch.equal(network.state_dict()[name], fresh[name]), name
    assert {name for name in network.state_dict() if ".depth." in name} & report.whole


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_task_of_another_class_is_another_task(kind):
    other = InverseDepth(name="depth")
    _, report = taken(kind, [SEMSEG, other], source=made(kind, [SEMSEG, DEPTH]))
    of_depth = {name for name in report.names if ".depth." in name and "encoders." not in name}
    assert of_depth
    assert of_depth <= set(report.new)


@pytest.mark.parametrize("kind", NETWORKS)
def test_another_class_with_the_same_encoder(kind):
    source = made(SharedEncoderNet, [SEMSEG], SIZE)
    network, report = taken(kind, size=LARGER, source=source)
    encoders = network.encoders.values() if kind is SingleTaskNet else [network.encoder]
    for encoder in encoders:
        assert_equal_maps(encoder.state_dict(), source.encoder.state_dict())
    assert report.whole


def test_one_encoder_of_a_network_with_several():
    source = made(SingleTaskNet, [DEPTH, SEMSEG])
    network, _ = taken(SharedEncoderNet, source=source)
    assert_equal_maps(network.encoder.state_dict(), source.encoders["depth"].state_dict())
    network, _ = taken(SingleTaskNet, [NORMALS, SEMSEG], source=source)
    for own, theirs in (("normals", "depth"), ("semseg", "semseg")):
        expected = source.encoders[theirs].state_dict()
        assert_equal_maps(network.encoders[own].state_dict(), expected)


@pytest.mark.parametrize("encoder", ["small_swin", "small_dinov2"])
def test_encoders_that_belong_to_a_size_are_resampled(encoder):
    source = made(SharedEncoderNet, [DEPTH], (64, 64), encoder=encoder)
    size = (64, 128)
    network, report = taken(SharedEncoderNet, [DEPTH], size, source=source, encoder=encoder)
    assert report.whole == set(network.state_dict())
    source.resize(size)
    assert_equal_maps(final(network, size), final(source, size))


def test_another_encoder_is_new_as_a_whole():
    source = made(SharedEncoderNet, encoder="test_efficientnet")
    fresh = made(SharedEncoderNet, seed=1)
    source.heads = copy.deepcopy(fresh.heads)  # of the channels of test_resnet, so that they fit
    torch.nn.init.ones_(source.heads["depth"].predict.weight)
    network, report = taken(SharedEncoderNet, source=source)
    assert {name for name in report.names if name.startswith("encoder.")} == set(report.new)
    assert_equal_maps(network.encoder.state_dict(), fresh.encoder.state_dict())
    assert network.heads["depth"].predict.weight.unique().item() == 1


class TestClassNames:
    def test_rows_with_the_same_class(self):
        source = made(CTALNet, [SemanticSegmentation(3, class_names=["bed", "wall", "door"])])
        tasks = [SemanticSegmentation(4, class_names=["door", "cup", "bed", "sky"])]
        fresh = made(CTALNet, tasks, seed=1)
        network, report = taken(CTALNet, tasks, source=source)
        for path in ("initial.heads.semseg.predict", "decoders.semseg.2"):
            assert {f"{path}.weight", f"{path}.bias"} <= report.partly
            own, theirs, new = (n.get_submodule(path) for n in (network, source, fresh))
            for kind in ("weight", "bias"):
                found = getattr(own, kind)
                assert torch.equal(found[0], getattr(theirs, kind)[2])
                assert torch.equal(found[2], getattr(theirs, kind)[0])
                assert torch.equal(found[[1, 3]], getattr(new, kind)[[1, 3]])
        assert not report.new

    @pytest.mark.parametrize("kind", NETWORKS)
    def test_as_many_classes_of_other_names_are_new(self, kind):
        source = made(kind, [SemanticSegmentation(3, class_names=["a", "b", "c"])])
        tasks = [SemanticSegmentation(3, class_names=["d", "e", "f"])]
        _, report = taken(kind, tasks, source=source)
        assert report.new
        assert not report.partly
        assert all(name.rpartition(".")[2] in ("weight", "bias") for name in report.new)

    @pytest.mark.parametrize("names", [None, ["a", "b", "c"]])
    def test_as_many_classes_are_taken_if_the_names_do_not_differ(self, names):
        source = made(SharedEncoderNet, [SemanticSegmentation(3, class_names=["a", "b", "c"])])
        tasks = [SemanticSegmentation(3, class_names=names)]
        _, report = taken(SharedEncoderNet, tasks, source=source)
        assert not report.new

    def test_the_mode_of_every_part_stays(self):
        source = made(SharedEncoderNet, [SemanticSegmentation(3, class_names=["a", "b", "c"])])
        network = made(SharedEncoderNet, [SemanticSegmentation(2, class_names=["a", "d"])]).train()
        network.encoder.eval()
        transfer(source, network, "source")
        assert network.heads.training
        assert not network.encoder.training


def test_nothing_that_fits():
    source = made(SharedEncoderNet, [SEMSEG], encoder="test_efficientnet")
    network = made(SharedEncoderNet, [DEPTH])
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(
        InputError, match=r"^source: expected weights that fit a SharedEncoderNet .* depth, but no"
    ):
        transfer(source, network, "source")
    assert_equal_maps(network.state_dict(), before)


def test_from_a_folder_with_a_line_and_without_random_numbers(tmp_path, caplog):
    made(CTALNet).save_pretrained(tmp_path / "saved")
    network = made(CTALNet, seed=1)
    torch.manual_seed(5)
    with caplog.at_level(logging.INFO, logger="ctal"):
        report = initialize_from(network, tmp_path / "saved")
    assert caplog.messages == [str(report)]
    assert str(report).startswith(f"{tmp_path / 'saved'}: ")
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert_equal_maps(final(network), final(made(CTALNet)))


class OwnNet(Network):
    """A network without an `Encoder`, with weights by task in a ParameterDict."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        self.weights = nn.ParameterDict({t.name: torch.rand(t.channels, 4) for t in tasks})

    def predict_raw(self, images):
        x = self.body(images)
        maps = {name: torch.einsum("tc,bchw->bthw", w, x) for name, w in self.weights.items()}
        return Predictions(maps, [])


def test_a_network_of_ones_own():
    source = OwnNet(TASKS, image_size=SIZE)
    network = OwnNet([NORMALS, InverseDepth(name="depth"), SEMSEG], image_size=LARGER)
    report = transfer(source, network, "source")
    assert report.new == ("weights.depth",)
    for name in report.whole:
        assert torch.equal(network.state_dict()[name], source.state_dict()[name])
