"""Saving networks to folders and loading them, and invalid files."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.small_networks import TASKS, write_checkpoint

import ctal
from ctal.errors import InputError
from ctal.io import bundled
from ctal.networks import CTALNet, SharedEncoderNet, describe
from ctal.networks import source as sources
from ctal.tasks import Depth, HumanParts, SemanticSegmentation


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    network = CTALNet(TASKS, "test_resnet", image_size=(32, 64), channels=8)
    return ctal.load(write_checkpoint(network, tmp_path / "run" / "checkpoints" / "best.ckpt"))


@pytest.fixture
def folder(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def test_saved_and_loaded_gives_equal_outputs(model, folder):
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    image = torch.rand(1, 3, 32, 64)
    for source in (folder, str(folder), folder / "model.safetensors"):
        again = ctal.load(source)
        assert describe(again.network) == describe(model.network)
        for name, raw in again.network(image).final.items():
            assert torch.equal(raw, model.network(image).final[name])


def test_saved_in_half_precision(model, folder, tmp_path):
    model.save_pretrained(tmp_path / "half", half=True)
    sizes = [(place / "model.safetensors").stat().st_size for place in (folder, tmp_path / "half")]
    assert sizes[1] < 0.6 * sizes[0]
    again, state = ctal.load(tmp_path / "half").network.state_dict(), model.network.state_dict()
    for name, value in state.items():
        assert again[name].dtype == value.dtype
        torch.testing.assert_close(again[name], value, rtol=1e-3, atol=1e-7)
    with torch.no_grad():
        next(model.network.parameters()).fill_(7e4)
    with pytest.raises(InputError, match="all that float16 can hold, got 7e"):
        model.save_pretrained(tmp_path / "large", half=True)
    assert not (tmp_path / "large").exists()


def test_tasks_keep_their_order_and_arguments(tmp_path):
    tasks = [HumanParts(), SemanticSegmentation(2, ["z", "a"]), Depth(name="a_depth")]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    ctal.inference.Model(network).save_pretrained(tmp_path / "a")
    assert ctal.load(tmp_path / "a").tasks == tasks


def test_a_resized_network_is_saved_at_its_size(folder, tmp_path):
    ctal.load(folder, image_size=(64, 64)).save_pretrained(tmp_path / "resized")
    assert ctal.load(tmp_path / "resized").network.image_size == (64, 64)


def test_metadata_of_the_training_is_saved(model, folder, tmp_path):
    assert ctal.load(folder).about == model.about == {}
    model.about = {"scores": {"depth/rmse": 0.5}, "scored on": "test"}
    model.save_pretrained(folder)
    ctal.load(folder).save_pretrained(tmp_path / "again")
    assert ctal.load(tmp_path / "again").about == model.about
    assert (tmp_path / "again" / "README.md").read_text() == (folder / "README.md").read_text()


def test_bundled_networks_have_names(folder, tmp_path, monkeypatch):
    for module in (sources, bundled):
        monkeypatch.setattr(module, "bundled_models", lambda: {"small": folder})
    assert isinstance(ctal.load("small").network, CTALNet)
    with pytest.raises(InputError, match=r"smal: checkpoint not found.*bundled models: small$"):
        ctal.load("smal")


class _Code:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_invalid_weights_files(folder, capsys):
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    contents = {
        "cut short": whole[: len(whole) // 2],
        "a pickle": pickle.dumps({"weights": _Code()}),
        "a damaged header": whole[:8] + b"#" * 100 + whole[108:],
        "a header of 2^60 bytes": (1 << 60).to_bytes(8, "little") + whole[8:],
        "empty": b"",
    }
    for content in contents.values():
        weights.write_bytes(content)
        with pytest.raises(
            InputError, match=r"model\.safetensors: expected a complete safetensors file"
        ) as caught:
            ctal.load(folder)
        assert "\n" not in str(caught.value)
    assert "must not run" not in capsys.readouterr().out
    weights.unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: not found"):
        ctal.load(folder)


def test_weights_of_another_network(folder):
    state = load_file(folder / "model.safetensors")
    for other in ({"a": torch.ones(2)}, {name: value[..., None] for name, value in state.items()}):
        save_file(other, folder / "model.safetensors")
        with pytest.raises(InputError, match="not those of the CTALNet it describes"):
            ctal.load(folder)


def test_invalid_configs(folder):
    file = folder / "config.json"
    config = json.loads(file.read_text())
    outside = {**config["network"], "class": "os.system"}

    def with_arguments(**wrong):
        network = config["network"]
        changed = {**network, "arguments": {**network["arguments"], **wrong}}
        return json.dumps({**config, "network": changed})

    for content, message in {
        "{": "expected JSON, got another format",
        "[" * 100_000: "expected JSON, got another format",
        "[]": "expected the configuration of a ctal network",
        json.dumps({**config, "format": 2}): "expected format 1, got 2",
        json.dumps(
            {**config, "network": outside}
        ): r"os.system has not been imported \(expected a Network",
        json.dumps({**config, "network": {}}): "invalid description of a network",
        with_arguments(encoder=5): "invalid description of a network",
        with_arguments(encoder=None): "invalid description of a network",
        with_arguments(image_size=5): "image_size: expected height and width in multiples of 32",
    }.items():
        file.write_text(content)
        with pytest.raises(InputError, match=rf"config\.json: .*{message}"):
            ctal.load(folder)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="expected JSON, got another format"):
        ctal.load(folder)
    file.unlink()
    with pytest.raises(InputError, match=r"expected the config\.json written by save_pretrained"):
        ctal.load(folder)


def test_an_unwritable_folder(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        model.save_pretrained(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
