import re

import pytest
import yaml
from tests.export.checkpoints import small_network
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.networks import CTALNet

ROOMS = {"train": {"class_path": "ctal.data.Rooms", "init_args": {"split": "train"}}}


def table(text):
    """Return the rows of all tables by their first cell."""
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_a_checkpoint(tmp_path, capfd):
    network = small_network(CTALNet)
    assert cli.main(["info", str(write_checkpoint(network, tmp_path / "a.ckpt"))]) == 0
    printed, warned = capfd.readouterr()
    assert warned == ""
    assert "a.ckpt: CTALNet, images of 32x64" in printed
    rows = table(printed)
    assert rows["semseg"] == ["SemanticSegmentation", "class id", "3"]
    assert rows["depth"] == ["Depth", "m", "1"]
    parts = ["encoder", "initial", "refinement", "decoders", "total"]
    assert list(rows)[-5:] == parts
    counts = [int(rows[part][0].replace(",", "")) for part in parts]
    assert counts[-1] == sum(counts[:-1]) == sum(p.numel() for p in network.parameters())
    assert rows["total"][-1] == "100 %"


def test_another_size_costs_more(tmp_path, capfd):
    path = str(write_checkpoint(small_network(CTALNet), tmp_path / "a.ckpt"))
    assert cli.main(["info", path, "--image_size", "64", "128"]) == 0
    printed = capfd.readouterr().out
    assert "images of 64x128" in printed


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        ({"class_path": "tests.own_network.OwnNet", "init_args": {"channels": 4}}, 2),
        ({"class_path": "ctal.networks.PADNet", "init_args": {"encoder": "test_resnet"}}, 4),
    ],
)
def test_a_config_of_any_network(network, parts, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    config = {"model": {"network": network}, "data": ROOMS}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(config))
    assert cli.main(["info", "a.yaml", "--image_size", "32", "64"]) == 0
    printed = capfd.readouterr().out
    name = network["class_path"].rpartition(".")[2]
    assert f"a.yaml: {name}, images of 32x64" in printed
    assert len(re.findall(r"^\| .* %", printed, re.MULTILINE)) == parts + 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.ckpt"], "error: none.ckpt: checkpoint not found"),
        (["none.yaml"], "none.yaml"),
        ([], "network"),
        (["a.yaml"], "a.yaml: "),
        (["a.yaml", "--device", "abacus"], "device: 'abacus' cannot be used"),
    ],
)
def test_user_errors_are_reported_in_one_line(args, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("model: {network: {class_path: ctal.networks.NoNet}}")
    assert cli.main(["info", *args]) == 2
    printed = capfd.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
    assert printed.count("\n") == 1
