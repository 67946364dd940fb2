"""`ctal demo` through the command line: one-line errors if it cannot start."""

import importlib.util
import socket

import pytest
import torch
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.networks import CTALNet, MultiScaleCTALNet, SharedEncoderNet
from ctal.tasks import Depth


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    write_checkpoint(
        CTALNet([Depth()], "test_resnet", image_size=(32, 32), channels=8), tmp_path / "ours.ckpt"
    )
    write_checkpoint(
        SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)), tmp_path / "plain.ckpt"
    )
    return tmp_path


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def reported(args, capsys):
    assert cli.main(["demo", *args]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    return line


def test_without_gradio(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "ctal.cli.demo.find_spec", lambda name: None if name == "gradio" else find(name)
    )
    line = reported(["--checkpoint", "ours.ckpt"], capsys)
    assert "ctal demo requires gradio; install it with: pip install 'ctal[demo]'" in line


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--checkpoint", "none.ckpt"], "none.ckpt: checkpoint not found"),
        (["--checkpoint", "plain.ckpt"], "SharedEncoderNet has no CTAL module"),
        (["--checkpoint", "ours.ckpt", "--examples", "none/*.jpg"], "none/*.jpg: not found"),
        (
            ["--checkpoint", "ours.ckpt", "--host", "no.such.host.invalid"],
            "port: cannot listen on no.such.host.invalid",
        ),
        (
            ["--checkpoint", "ours.ckpt", "--port", "70000"],
            "port: cannot listen on 127.0.0.1:70000",
        ),
        (
            ["--checkpoint", "ours.ckpt", "--host", "0.0.0.0"],
            "host: expected an address of this machine only, such as 127.0.0.1, got 0.0.0.0",
        ),
        (["--checkpoint", "ours.ckpt", "--host", "::"], "without a password"),
        (["--checkpoint", "ours.ckpt", "--port", "x"], "port"),
        (["--checkpoint", "ours.ckpt", "--device", "gpu"], "device: 'gpu' cannot be used"),
    ],
)
def test_user_errors_are_reported_in_one_line(args, message, capsys):
    pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
    port = [] if "--port" in args else ["--port", "0"]
    assert message in reported([*args, *port], capsys)


def test_a_port_in_use(taken, capsys):
    pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
    line = reported(["--checkpoint", "ours.ckpt", "--port", taken], capsys)
    assert f"port: cannot listen on 127.0.0.1:{taken} (Address already in use); choose" in line


def test_the_bundled_model_is_the_default(monkeypatch):
    pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
    served = []
    monkeypatch.setattr("ctal.cli.demo._serve", lambda *args: served.append(args))
    assert cli.main(["demo", "--port", "0"]) == 0
    ((model, single, examples, *_),) = served
    assert type(model.network) is MultiScaleCTALNet
    assert single is None
    assert len(examples) == 4


@pytest.mark.parametrize("option", ["--allow-remote", "--allow_remote"])
def test_an_option_permits_other_machines(monkeypatch, capsys, option):
    pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
    served = []
    monkeypatch.setattr("ctal.cli.demo._serve", lambda *args: served.append(args[-1]))
    args = ["demo", "--checkpoint", "ours.ckpt", "--port", "0"]
    assert cli.main([*args, "--host", "0.0.0.0", option]) == 0
    told = capsys.readouterr().err
    assert "every machine of the network can open the page" in told
    assert told.count("\n") == 1
    assert cli.main([*args, option]) == 0
    assert cli.main([*args, "--host", "::1"]) == 0
    assert served == [False, True, True]
    assert capsys.readouterr().err == ""
