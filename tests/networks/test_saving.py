"""`save_pretrained`, `from_pretrained` and `push_to_hub` of networks."""

import pytest
import torch
from tests.small_networks import TASKS, shared_encoder, with_mixing

import ctal
from ctal.errors import InputError
from ctal.networks import CTALNet, Network, SharedEncoderNet, describe, hub


@pytest.fixture
def network():
    return shared_encoder()


def assert_equal(one, other, **tolerance):
    images = torch.rand(1, 3, *one.image_size)
    with torch.no_grad():
        torch.testing.assert_close(one(images).final, other(images).final, **tolerance)


@pytest.mark.parametrize("kind", [SharedEncoderNet, Network])
def test_saved_and_loaded(network, tmp_path, kind):
    network.save_pretrained(tmp_path / "a")
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    for source in (tmp_path / "a", str(tmp_path / "a"), tmp_path / "a" / "model.safetensors"):
        again = kind.from_pretrained(source)
        assert type(again) is SharedEncoderNet
        assert not again.training
        assert describe(again) == describe(network)
        assert_equal(again, network, rtol=0, atol=0)
    assert_equal(ctal.load(tmp_path / "a").network, network)


def test_a_folder_of_a_model_loads_too(tmp_path):
    network = with_mixing()
    ctal.Model(network).save_pretrained(tmp_path)
    assert_equal(CTALNet.from_pretrained(tmp_path), network)


def test_half(network, tmp_path):
    network.save_pretrained(tmp_path / "half", half=True)
    network.save_pretrained(tmp_path / "full")
    half, full = ((tmp_path / name / "model.safetensors").stat() for name in ("half", "full"))
    assert half.st_size < 0.6 * full.st_size


def test_another_class(network, tmp_path):
    network.save_pretrained(tmp_path)
    message = r"expected a CTALNet, got a SharedEncoderNet; load it with SharedEncoderNet\."
    with pytest.raises(InputError, match=message):
        CTALNet.from_pretrained(tmp_path)


@pytest.mark.parametrize("source", ["", "none", "a/b/c", "model.safetensors"])
def test_a_missing_folder(tmp_path, source):
    with pytest.raises(InputError, match=r"config\.json"):
        SharedEncoderNet.from_pretrained(tmp_path / source)


def test_push_to_hub_and_from_pretrained(network, tmp_path, monkeypatch):
    class Api:
        def create_repo(self, hub_id, private, exist_ok):
            assert (private, exist_ok) == (True, True)
            return f"https://hub/{hub_id}"

        def upload_folder(self, repo_id, folder_path, commit_message):
            Network.from_pretrained(folder_path).save_pretrained(tmp_path / repo_id)

    def download(hub_id, allow_patterns):
        return str(tmp_path / hub_id)

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub, "snapshot_download", download)
    assert network.push_to_hub("me/rooms", private=True) == "https://hub/me/rooms"
    again = SharedEncoderNet.from_pretrained("me/rooms")
    assert_equal(again, network, rtol=0, atol=0)
    assert again.tasks == TASKS
