"""Model hub: accessed only on request, and unavailable in these tests."""

import socket
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError
from tests.small_networks import TASKS

import ctal
from ctal.errors import InputError
from ctal.inference import Model
from ctal.networks import SharedEncoderNet, hub
from ctal.networks.hub import is_hub_id


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model(SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 32)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("someone/rooms-ctal", True),
        ("some.one/a_b.c", True),
        ("rooms", False),
        ("a/b/c", False),
        ("../b", False),
        ("/b", False),
        ("runs/a.ckpt", False),
        ("a b/c", False),
    ],
)
def test_valid_ids(name, expected):
    assert is_hub_id(name) is expected


def test_a_mistyped_path_is_not_requested_from_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked the hub"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for name in ("runs/mistyped", "mistyped", "elsewhere/best.ckpt", tmp_path / "a"):
        with pytest.raises(InputError, match="checkpoint not found"):
            ctal.load(name)


def test_downloaded_and_loaded(model, tmp_path, monkeypatch):
    model.save_pretrained(tmp_path / "there")
    asked = []

    def download(hub_id, allow_patterns):
        asked.append((hub_id, allow_patterns))
        return str(tmp_path / "there")

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert ctal.load("someone/rooms").tasks == model.tasks
    assert asked == [("someone/rooms", ["config.json", "model.safetensors"])]


def test_a_repository_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(
        InputError,
        match=r"someone/rooms: expected a network of ctal, got a repository without config",
    ):
        ctal.load("someone/rooms")


def _fails(error):
    def call(*_, **__):
        raise error

    return call


def _refused():
    response = SimpleNamespace(headers={}, request=None, status_code=404)
    return RepositoryNotFoundError("404", response=response)


def test_an_unavailable_hub_or_repository(monkeypatch):
    monkeypatch.setattr(hub, "snapshot_download", _fails(LocalEntryNotFoundError("offline\nsee")))
    with pytest.raises(InputError, match=r"cannot be reached \(offline\); use the path") as caught:
        ctal.load("someone/rooms")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(hub, "snapshot_download", _fails(_refused()))
    with pytest.raises(
        InputError,
        match="someone/rooms: expected a local path or a network on the hub, found neither",
    ):
        ctal.load("someone/rooms")


def test_pushed(model, monkeypatch):
    written = {}

    class Api:
        def create_repo(self, hub_id, private, exist_ok):
            written.update(id=hub_id, private=private, exist_ok=exist_ok)
            return f"https://hub/{hub_id}"

        def upload_folder(self, repo_id, folder_path, commit_message):
            assert repo_id == written["id"]
            written["again"] = ctal.load(folder_path)

    monkeypatch.setattr(hub, "HfApi", Api)
    assert model.push_to_hub("me/rooms", private=True) == "https://hub/me/rooms"
    again = written.pop("again")
    assert written == {"id": "me/rooms", "private": True, "exist_ok": True}
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(again.network(image).final["depth"], model.network(image).final["depth"])


def test_an_unreachable_hub(model, monkeypatch):
    class TransportError(Exception):
        """Error of the hub's client, which is not an OSError."""

    monkeypatch.setattr(hub.HfApi, "create_repo", _fails(TransportError("no route")))
    with pytest.raises(InputError, match=r"me/rooms: cannot be uploaded to the hub \(no route\)"):
        model.push_to_hub("me/rooms")


def test_access_denied(model, monkeypatch):
    monkeypatch.setattr(hub.HfApi, "create_repo", _fails(_refused()))
    with pytest.raises(InputError, match=r"me/rooms: cannot be uploaded to the .*save_pretrained"):
        model.push_to_hub("me/rooms")
