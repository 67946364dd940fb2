"""An encoder with the weights of a trained network's."""

import json
import zipfile

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from tests.networks import small_models  # noqa: F401 - registers small_swin and small_dinov2
from tests.small_networks import write_checkpoint

from ctal.errors import InputError
from ctal.networks import CTALNet, Encoder, SharedEncoderNet, SingleTaskNet, initialize_from
from ctal.tasks import Depth, SurfaceNormals

SIZE = (64, 64)
TASKS = [Depth(), SurfaceNormals()]


def assert_equal_states(encoder, expected):
    assert encoder.state_dict().keys() == expected.state_dict().keys()
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, expected.state_dict()[name]), name


@pytest.mark.parametrize("name", ["test_resnet", "small_swin", "small_dinov2"])
def test_at_another_size_as_the_resized_network(name, tmp_path):
    source = SharedEncoderNet(TASKS, name, image_size=SIZE)
    source.save_pretrained(tmp_path / "saved")
    size = (64, 128)
    torch.manual_seed(3)
    encoder = Encoder(name, image_size=size, pretrained=str(tmp_path / "saved"))
    source.resize(size)
    assert_equal_states(encoder, source.encoder)


def test_the_random_numbers_after_it_are_those_without_it(tmp_path):
    SharedEncoderNet(TASKS, "test_resnet", image_size=SIZE).save_pretrained(tmp_path)
    drawn = []
    for pretrained in (False, str(tmp_path)):
        torch.manual_seed(3)
        Encoder("test_resnet", image_size=SIZE, pretrained=pretrained)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_the_first_encoder_of_several(tmp_path):
    source = SingleTaskNet(TASKS, "test_resnet", image_size=SIZE)
    file = write_checkpoint(source, tmp_path / "a.ckpt")
    network = SingleTaskNet(TASKS[::-1], "test_resnet", image_size=SIZE, pretrained=str(file))
    for encoder in network.encoders.values():
        assert_equal_states(encoder, source.encoders["depth"])


def test_the_name_may_have_a_tag(tmp_path):
    source = CTALNet(TASKS, "test_resnet.r160_in1k", image_size=SIZE, channels=8)
    source.save_pretrained(tmp_path)
    encoder = Encoder("test_resnet", image_size=SIZE, pretrained=str(tmp_path))
    assert_equal_states(encoder, source.encoder)


def test_the_last_stage_of_a_pyramid(tmp_path):
    source = SharedEncoderNet(TASKS, "small_dinov2", image_size=SIZE)
    source.save_pretrained(tmp_path)
    options = {"image_size": SIZE, "last_stage": True}
    encoder = Encoder("small_dinov2", pretrained=str(tmp_path), **options)
    for name, value in encoder.body.state_dict().items():
        assert torch.equal(value, source.encoder.body.state_dict()[name])
    network = SharedEncoderNet(TASKS, "small_dinov2", **options)
    report = initialize_from(network, tmp_path)
    assert {name.split(".")[1] for name in report.new if name.startswith("encoder.")} == {"neck"}


def test_plain_files_beside_the_configuration_of_another_library(tmp_path):
    model = timm.create_model("test_resnet")
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_resnet"}))
    path = str(tmp_path / "model.safetensors")
    encoder = Encoder("test_resnet", image_size=SIZE, pretrained=path)
    assert torch.equal(encoder.body.conv1[0].weight, model.conv1[0].weight)


def test_a_plain_checkpoint_of_another_library(tmp_path):
    model = timm.create_model("test_resnet")
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, tmp_path / "a.ckpt")
    encoder = Encoder("test_resnet", image_size=SIZE, pretrained=str(tmp_path / "a.ckpt"))
    assert torch.equal(encoder.body.conv1[0].weight, model.conv1[0].weight)


def test_the_weights_file_of_a_saved_network(tmp_path):
    source = SharedEncoderNet(TASKS, "test_resnet", image_size=SIZE)
    source.save_pretrained(tmp_path)
    path = str(tmp_path / "model.safetensors")
    assert_equal_states(Encoder("test_resnet", image_size=SIZE, pretrained=path), source.encoder)


def test_networks_without_such_an_encoder(tmp_path):
    source = SharedEncoderNet(TASKS, "test_resnet", image_size=SIZE)
    source.save_pretrained(tmp_path)
    saved = str(tmp_path)

    def fails(message, name="test_resnet", pretrained=saved):
        with pytest.raises(InputError, match=message) as caught:
            Encoder(name, image_size=SIZE, pretrained=pretrained)
        assert "\n" not in str(caught.value)

    fails(r"pretrained: expected .* 'test_vit', but .* has 'test_resnet'", "test_vit")
    weights = load_file(tmp_path / "model.safetensors")
    changed = weights | {"encoder.body.conv1.0.weight": torch.full((1,), float("nan"))}
    save_file(changed, tmp_path / "model.safetensors")
    fails(r"pretrained: .* NaN or infinity in 'body.conv1.0.weight'")
    changed["encoder.body.conv1.0.weight"] = torch.ones(1)
    save_file(changed, tmp_path / "model.safetensors")
    fails("pretrained: the encoder of .* does not fit 'test_resnet'")
    heads = {name: value for name, value in weights.items() if name.startswith("heads.")}
    save_file(heads, tmp_path / "model.safetensors")
    fails("pretrained: the network .* has no encoder of ctal.networks")
    config = json.loads((tmp_path / "config.json").read_text())
    config["network"]["arguments"]["image_size"] = "large"
    (tmp_path / "config.json").write_text(json.dumps(config))
    fails("config.json: expected the description of a network")
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("a", "text")
    fails("expected a file of plain tensors", pretrained=str(tmp_path / "zip.pth"))
