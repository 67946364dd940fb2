"""What a checkpoint says of its network, and what it may not make happen."""

import json

import pytest

from ctal.errors import InputError
from ctal.networks import SharedEncoderNet, build, describe
from ctal.networks.base import Network
from ctal.tasks import Depth, SemanticSegmentation


def test_a_description_is_plain_and_keeps_the_order_of_tasks():
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


def test_arguments_that_a_subclass_hands_on_are_described_too():
    net = _HandsOn([Depth()], encoder="test_resnet", image_size=(32, 64))
    assert describe(net)["arguments"] == {"encoder": "test_resnet", "image_size": [32, 64]}
    assert describe(build(describe(net))) == describe(net)


def test_a_description_never_asks_for_pretrained_weights(monkeypatch):
    monkeypatch.setattr(Network, "__init__", lambda self, *a, **k: None)
    net = SharedEncoderNet.__new__(SharedEncoderNet, [], image_size=(32, 32), pretrained=True)
    net.tasks, net.image_size = [], (32, 32)
    assert describe(net)["arguments"]["pretrained"] is False


def test_nothing_is_imported_that_a_file_names():
    net = SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32))
    for name in ("os.system", "elsewhere.Net", "ctal.tasks.Depth"):
        with pytest.raises(InputError, match=f"{name} is no Network that is loaded"):
            build({**describe(net), "class": name})


def test_arguments_that_do_not_fit():
    description = describe(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)))
    description["arguments"]["gamma"] = 1
    with pytest.raises(InputError, match="gamma"):
        build(description)
    del description["arguments"]["gamma"]
    description["arguments"]["image_size"] = "ab"
    with pytest.raises(InputError, match="does not fit"):
        build(description)


def test_a_description_cannot_have_other_files_read():
    description = describe(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)))
    description["arguments"]["pretrained"] = "/etc/passwd"
    assert build(description).arguments["pretrained"] is False
