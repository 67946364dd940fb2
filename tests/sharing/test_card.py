"""Metadata of a real run, and the model card created from it."""

import json
import re

import pytest
import torch
import yaml

import ctal
from ctal import cli
from ctal.networks import SharedEncoderNet
from ctal.profiling.cost import gmacs
from ctal.sharing.card import model_card
from ctal.tasks import Depth, SemanticSegmentation


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a short run, evaluated on val."""
    folder = tmp_path_factory.mktemp("run")
    rooms = {"class_path": "ctal.data.Rooms"}
    network = {"class_path": "ctal.networks.SharedEncoderNet"}
    config = {
        "seed_everything": 7,
        "trainer": {
            "default_root_dir": str(folder),
            "max_epochs": 1,
            "limit_train_batches": 1,
            "limit_val_batches": 1,
            "enable_progress_bar": False,
        },
        "model": {
            "network": {**network, "init_args": {"encoder": "test_resnet"}},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.002}},
        },
        "data": {
            "train": {**rooms, "init_args": {"split": "train"}},
            "val": {**rooms, "init_args": {"split": "val"}},
            "image_size": [32, 32],
            "batch_size": 3,
        },
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    assert cli.main(["fit", "--config", str(folder / "own.yaml")]) == 0
    settings = ["--config", str(folder / "config.yaml"), "--ckpt_path", "best"]
    assert cli.main(["validate", *settings]) == 0
    return folder


def test_metadata_of_data_training_and_scores(run, tmp_path):
    about = ctal.load(run).about
    scores = json.loads((run / "scores_val.json").read_text())["scores"]
    assert about == {
        "data": {"train": "Rooms", "val": "Rooms"},
        "training": {
            "epochs": 1,
            "batch size": 3,
            "optimizer": "Adam",
            "learning rate": 0.002,
            "weight decay": 1e-4,
            "precision": "32",
            "seed": 7,
            "encoder's first weights": "random",
        },
        "scores": scores,
        "scored on": "val",
    }
    ctal.load(run).save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    for line in (
        "- learning rate: 0.002",
        "## Scores on val; the epoch was chosen on it",
        "- encoder test_resnet: trained from random weights",
    ):
        assert line in card.splitlines()
    assert str(run) not in card + (tmp_path / "config.json").read_text()


def test_the_card_has_tasks_cost_scores_and_licenses():
    tasks = [SemanticSegmentation(2, ["wall", "floor"]), Depth()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 64))
    scores = {"semseg/miou": 0.25, "depth/abs_error": 0.5}
    training = {"encoder's first weights": "own.safetensors"}
    card = model_card(network, {"scores": scores, "scored on": "test", "training": training})
    lines = card.splitlines()
    head = yaml.safe_load(card.split("---")[1])
    assert head["library_name"] == "ctal"
    assert {"semseg", "depth"} <= set(head["tags"])
    assert "| semseg | SemanticSegmentation | class id | wall, floor |" in lines
    assert "| depth | Depth | m | - |" in lines
    count = sum(p.numel() for p in network.parameters())
    assert f"{count / 1e6:.2f} million parameters, {gmacs(network):.2f} billion" in card
    assert any(line.startswith("| semseg | miou ↑ % | 25.00 % |") for line in lines)
    assert any(line.startswith("| depth | abs_error ↓ m | 0.5 |") for line in lines)
    rows = [line for line in lines if line.startswith("| ")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert "own.safetensors (license of timm's weights: apache-2.0)" in card


def test_the_card_of_a_network_of_unknown_origin():
    card = model_card(SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32)), {})
    assert "Unknown: the network was saved from a run without scores." in card
    assert "source of its initial weights not known" in card


def test_scores_of_another_checkpoint_are_omitted(run):
    about = ctal.load(run / "checkpoints" / "last.ckpt").about
    assert about["data"] == {"train": "Rooms", "val": "Rooms"}
    assert "scores" not in about


def test_a_broken_run_folder_has_no_metadata(run, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    best = (run / "checkpoints" / "best.ckpt").read_bytes()
    (tmp_path / "checkpoints" / "best.ckpt").write_bytes(best)
    for name in ("config.yaml", "scores_test.json"):
        (tmp_path / name).write_text("{")
    model = ctal.load(tmp_path)
    assert model.about == {}
    assert torch.isfinite(model.network(torch.rand(1, 3, 32, 32)).final["depth"]).all()
