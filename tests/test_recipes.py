"""Configs in configs/: complete, consistent and valid."""

import inspect
from pathlib import Path

import pytest
import yaml

from ctal import networks
from ctal.cli import main
from ctal.config.files import read_config

CONFIGS = Path(__file__).parents[1] / "configs"
NETWORKS = {
    "single_task": "SingleTaskNet",
    "shared_encoder": "SharedEncoderNet",
    "pad": "PADNet",
    "pap": "PAPNet",
    "mti": "MTINet",
    "ctal": "CTALNet",
    "multi_scale_ctal": "MultiScaleCTALNet",
}
DATA_SETS = ["rooms", "nyuv2", "cityscapes", "pascal_context"]
FILES = [path.relative_to(CONFIGS) for path in sorted(CONFIGS.rglob("*.yaml"))]


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_every_network_has_the_same_data_and_epochs(data_set):
    settings = {name: read_config(CONFIGS / data_set / f"{name}.yaml") for name in NETWORKS}
    assert {path.stem for path in (CONFIGS / data_set).glob("*.yaml")} == set(NETWORKS)
    first = settings["single_task"]
    for name, content in settings.items():
        path = content["model"]["network"]["class_path"]
        assert path == f"ctal.networks.{NETWORKS[name]}"
        assert hasattr(networks, NETWORKS[name])
        assert content["trainer"].pop("default_root_dir") == f"runs/{data_set}/{name}"
        if name != "single_task":
            assert content["trainer"] == first["trainer"]
        assert content["data"] == first["data"]
        assert content["model"]["optimizer"] == first["model"]["optimizer"]
        arguments = content["model"]["network"]["init_args"]
        encoder = first["model"]["network"]["init_args"]["encoder"]
        assert arguments["encoder"] == encoder


def test_an_ablation_changes_one_argument():
    base = read_config(CONFIGS / "rooms" / "ctal.yaml")
    usual = base["model"]["network"]["init_args"]
    for path in (CONFIGS / "rooms" / "ablations").glob("*.yaml"):
        content = read_config(path)
        arguments = content["model"]["network"].pop("init_args")
        changed = {key for key in usual | arguments if usual.get(key) != arguments.get(key)}
        assert len(changed) == 1, path
        expected = base["model"]["network"].copy()
        expected.pop("init_args")
        assert content["model"]["network"] == expected
        assert content["data"] == base["data"]
        assert content["model"]["optimizer"] == base["model"]["optimizer"]


def test_the_study_on_nyuv2_changes_only_the_network():
    settings = {path.stem: read_config(path) for path in (CONFIGS / "nyuv2_study").glob("*.yaml")}
    assert set(NETWORKS) < set(settings)
    first = settings["single_task"]
    for name, content in settings.items():
        assert content["trainer"].pop("default_root_dir") == f"runs/nyuv2_study/{name}"
        assert content["data"] == first["data"]
        assert content["model"]["optimizer"] == first["model"]["optimizer"]
        for key in ("encoder", "pretrained"):
            arguments = (c["model"]["network"]["init_args"] for c in (content, first))
            assert len({str(given[key]) for given in arguments}) == 1
    for name in ("ctal", "multi_scale_ctal"):
        whole, control, shared = (
            settings[name + ending]["model"]["network"]
            for ending in ("", "_control", "_shared_mixing")
        )
        assert control["class_path"] == shared["class_path"] == whole["class_path"]
        assert control["init_args"] == {**whole["init_args"], "gamma": 0.0}
        assert shared["init_args"] == {**whole["init_args"], "shared_mixing": True}


@pytest.mark.parametrize("data_set", DATA_SETS)
def test_the_command_line_accepts_it(data_set, capsys):
    file = CONFIGS / data_set / "multi_scale_ctal.yaml"
    assert main(["fit", "--config", str(file), "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    given = read_config(file)
    for key, value in given["model"]["network"]["init_args"].items():
        assert printed["model"]["network"]["init_args"][key] == value


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_network_takes_the_arguments(file):
    network = read_config(CONFIGS / file)["model"]["network"]
    made = getattr(networks, network["class_path"].rpartition(".")[2])
    inspect.signature(made).bind([], image_size=(32, 32), **network["init_args"])
