"""Description of a network in a checkpoint, and protection against malicious files."""

import json

import pytest
import torch

from ctal.errors import InputError
from ctal.networks import Encoder, SharedEncoderNet, build, completed, describe
from ctal.networks.base import Network
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training.checkpointing import check_same_network


def test_a_description_has_plain_values_and_the_order_of_tasks():
    tasks = [SemanticSegmentation(5, class_names=list("abcde")), Depth(name="a_depth")]
    net = SharedEncoderNet(tasks, encoder="test_resnet", image_size=(32, 64))
    description = json.loads(json.dumps(describe(net)))
    again = build(description)
    assert [task.name for task in again.tasks] == ["semseg", "a_depth"]
    assert again.image_size == (32, 64)
    assert describe(again) == description


class _HandsOn(SharedEncoderNet):
    def __init__(self, tasks, **options):
        super().__init__(tasks, **options)


def test_arguments_passed_on_by_a_subclass_are_described():
    net = _HandsOn([Depth()], encoder="test_resnet", image_size=(32, 64))
    assert describe(net)["arguments"] == {"encoder": "test_resnet", "image_size": [32, 64]}
    assert describe(build(describe(net))) == describe(net)


def test_a_description_never_requests_pretrained_weights(monkeypatch):
    def init(self, *arguments, **options):
        torch.nn.Module.__init__(self)

    monkeypatch.setattr(Network, "__init__", init)
    net = SharedEncoderNet.__new__(SharedEncoderNet, [], image_size=(32, 32), pretrained=True)
    Network.__init__(net)
    net.tasks, net.image_size = [], (32, 32)
    assert describe(net)["arguments"]["pretrained"] is False


def test_modules_named_in_a_file_are_not_imported():
    net = SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32))
    for name in ("os.system", "elsewhere.Net", "ctal.tasks.Depth"):
        with pytest.raises(InputError, match=rf"^{name} has not been imported \(expected a Net"):
            build({**describe(net), "class": name})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_anywhere(number):
    network = SharedEncoderNet([SemanticSegmentation(2)], "test_resnet", image_size=(32, 32))
    for name in ("pretrained", "encoder"):  # nothing else would refuse them
        description = describe(network)
        description["arguments"][name] = number
        with pytest.raises(InputError, match=rf"^{name}: expected a finite number, got {number}"):
            build(description)
    description = describe(network)
    description["tasks"][0]["arguments"]["class_names"] = ["a", ["b", number]]
    with pytest.raises(InputError, match=r"^class_names: expected a finite number"):
        build(description)


def test_a_description_that_contains_itself_or_is_very_deep_ends():
    description = describe(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)))
    circle = {**description, "class": "elsewhere.Net"}
    circle["itself"] = circle
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for hostile in (circle, {**description, "class": "elsewhere.Net", "deep": deep}):
        with pytest.raises(InputError, match=r"^elsewhere.Net has not been imported"):
            build(hostile)


def test_invalid_arguments():
    description = describe(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)))
    description["arguments"]["gamma"] = 1
    with pytest.raises(InputError, match="gamma"):
        build(description)
    del description["arguments"]["gamma"]
    description["arguments"]["image_size"] = "ab"
    with pytest.raises(InputError, match=r"^image_size: expected height and width"):
        build(description)
    description["arguments"]["image_size"] = [32, 32]
    description["arguments"]["encoder"] = 5
    with pytest.raises(InputError, match="invalid description of a network"):
        build(description)


def test_a_description_cannot_read_other_files():
    description = describe(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)))
    description["arguments"]["pretrained"] = "/etc/passwd"
    assert build(description).arguments["pretrained"] is False


class _OwnHRNet(Network):
    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.encoder = Encoder("hrnet_w18_small", image_size=image_size)


def upsampling(network):
    modes = {part.mode for part in network.modules() if isinstance(part, torch.nn.Upsample)}
    assert len(modes) == 1
    return modes.pop()


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_the_upsampling_of_an_hrnet_is_saved(mode):
    net = SharedEncoderNet([Depth()], "hrnet_w18_small", image_size=(32, 32), upsampling=mode)
    assert upsampling(net) == mode
    assert upsampling(build(json.loads(json.dumps(describe(net))))) == mode


def test_files_without_an_upsampling_mean_that_of_timm():
    net = SharedEncoderNet([Depth()], "hrnet_w18_small", image_size=(32, 32))
    assert upsampling(net) == "bilinear"
    old = describe(net)
    del old["arguments"]["upsampling"]
    again = build(old)
    assert upsampling(again) == "nearest"
    assert describe(again)["arguments"]["upsampling"] == "nearest"
    assert completed(old) == describe(again)


def test_the_upsampling_of_a_network_without_such_an_argument_is_saved():
    description = describe(_OwnHRNet([Depth()], image_size=(32, 32)))
    assert description["upsampling"] == "bilinear"
    assert upsampling(build(description)) == "bilinear"
    old = {key: value for key, value in description.items() if key != "upsampling"}
    again = build(old)
    assert upsampling(again) == "nearest"
    assert upsampling(build(describe(again))) == "nearest"
    with pytest.raises(InputError, match=r"upsampling: expected one of .*got 'cubic'"):
        build({**description, "upsampling": "cubic"})


def test_other_encoders_have_no_upsampling():
    net = SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32))
    assert net.encoder.upsampling is None
    old = describe(net)
    del old["arguments"]["upsampling"]
    assert completed(old) == describe(net) == describe(build(old))


def test_the_error_of_resuming_an_older_run_names_the_argument():
    net = SharedEncoderNet([Depth()], "hrnet_w18_small", image_size=(32, 32))
    old = describe(net)
    del old["arguments"]["upsampling"]
    line = (
        r"arguments.upsampling \('nearest' and 'bilinear'\); set model.network.init_args.upsampling"
    )
    with pytest.raises(InputError, match=line):
        check_same_network({"ctal": old, "state_dict": net.state_dict()}, net, net.state_dict())
    check_same_network({"ctal": old, "state_dict": {}}, build(old), {})
