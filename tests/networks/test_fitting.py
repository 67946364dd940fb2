"""Sizes that a file claims are compared with its weights before memory is used."""

import json
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.small_networks import write_checkpoint

import ctal
from ctal.errors import InputError
from ctal.inference import Model
from ctal.networks import CTALNet, SharedEncoderNet, describe
from ctal.networks.fitting import build_fitting
from ctal.tasks import Depth


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CTALNet([Depth()], "test_resnet", image_size=(32, 32), channels=8)


@pytest.fixture
def saved(network, tmp_path):
    Model(network).save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def without_memory(monkeypatch):
    """Fail on every tensor with memory that a network makes."""
    register = torch.nn.Module.register_parameter

    def registered(module, name, parameter):
        assert parameter is None or parameter.device.type == "meta"
        register(module, name, parameter)

    monkeypatch.setattr(torch.nn.Module, "register_parameter", registered)


@pytest.mark.parametrize(
    ("key", "value"),
    [("image_size", [6144, 6144]), ("image_size", [64, 32]), ("channels", 10**7), ("channels", 16)],
)
def test_a_larger_network_is_refused_without_memory(saved, without_memory, key, value):
    config = json.loads((saved / "config.json").read_text())
    config["network"]["arguments"][key] = value
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"saved/"):
        ctal.load(saved)


def test_an_image_size_that_no_weight_depends_on_is_limited(tmp_path):
    network = SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32))
    description = describe(network)
    file = tmp_path / "weights"
    save_file(network.state_dict(), file)
    state = load_file(file)
    description["arguments"]["image_size"] = [4096, 4096]
    assert build_fitting(description, state, file).image_size == (4096, 4096)
    description["arguments"]["image_size"] = [4096, 4128]
    with pytest.raises(InputError, match=r"^image_size: expected at most 16,777,216 pixels"):
        build_fitting(description, state, file)


def test_weights_are_those_of_the_network(network, tmp_path):
    (tmp_path / "file").write_bytes(b"0" * 10**6)
    state = network.state_dict()
    name = next(iter(state))
    shape = tuple(state[name].shape)
    assert (
        build_fitting(describe(network), state, tmp_path / "file").state_dict().keys()
        == state.keys()
    )
    for changed, message in (
        ({**state, "other": torch.zeros(1)}, "unexpected 'other'"),
        ({**state, name: torch.zeros(3)}, rf"'{name}': expected \({shape[0]}, .* got \(3,\)"),
        ({key: state[key] for key in state if key != name}, f"it has no '{name}'"),
        ({**state, name: "text"}, f"expected a dense tensor as '{name}', got str"),
        ({**state, name: torch.zeros(3).to_sparse()}, f"'{name}', got a torch.sparse_coo one"),
        (
            {**state, name: torch.zeros(()).expand(10**9)},
            "expected weights of the size of the file",
        ),
        ({**state, name: torch.full(shape, torch.nan)}, "expected finite weights"),
    ):
        with pytest.raises(InputError, match=message):
            build_fitting(describe(network), changed, tmp_path / "file")


@pytest.mark.parametrize("description", [None, [], {}, "ctal.", {"class": None}, {"class": [1]}])
def test_what_is_no_description_is_refused(tmp_path, description):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError):
        build_fitting(description, {}, tmp_path / "file")


class Counting(SharedEncoderNet):
    """Computes with a weight when it is built, which is impossible without memory."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, "test_resnet", image_size=image_size)
        self.first = next(self.parameters()).sum().item()


def test_a_network_of_a_user_may_compute_when_it_is_built(tmp_path):
    write_checkpoint(Counting([Depth()], image_size=(32, 32)), tmp_path / "a.ckpt")
    assert isinstance(ctal.load(tmp_path / "a.ckpt").network, Counting)


def test_a_checkpoint_that_unpacks_to_more_is_refused(network, tmp_path):
    write_checkpoint(network, tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.writestr("archive/data/999", b"0" * 10**7)
    with pytest.raises(InputError, match="refused, since it would unpack to"):
        ctal.load(tmp_path / "b.ckpt")


@pytest.mark.parametrize("state", [[1], "text", 3, {1: torch.zeros(1)}, torch.zeros(2)])
def test_weights_without_names_are_refused(network, tmp_path, state):
    torch.save({"ctal": describe(network), "state_dict": state}, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"a\.ckpt: .*state_dict"):
        ctal.load(tmp_path / "a.ckpt")
