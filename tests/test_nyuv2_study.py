"""`python -m benchmarks.nyuv2_study` on a small dataset with a small encoder."""

import json
import sys

import numpy as np
import pytest
from benchmarks import nyuv2_study
from tests.small_nyuv2 import write_small_nyuv2

from ctal.config.files import read_config

SMALL = [
    "model.network.init_args.encoder=test_resnet",
    "model.network.init_args.pretrained=false",
    "trainer.max_epochs=1",
    "data.batch_size=2",
    "trainer.accelerator=cpu",
]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Run the study with additional arguments, in a folder with a few random images as NYUv2."""
    generator = np.random.default_rng(0)
    wall = np.full((288, 384), 500, np.uint16)  # 2 m away
    for split, count in (("train", 5), ("test", 3)):
        for number in range(count):
            picture = generator.integers(1, 256, (288, 384, 3), dtype=np.uint8)
            labels = generator.integers(1, 41, (288, 384), dtype=np.uint8)
            write_small_nyuv2(tmp_path / "nyuv2" / split, number, picture, wall, labels)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        args = ["--root", "nyuv2", "--blocks", "small", "--networks", "shared_encoder", "--seeds"]
        args += ["0", "--parallel", "1", "--output", "out", *arguments, "--overrides", *SMALL]
        monkeypatch.setattr(sys, "argv", ["nyuv2_study", *args])
        return nyuv2_study.main()

    return run


def test_trains_on_train_and_evaluates_on_test_or_on_held_out_train(study, tmp_path, capsys):
    assert study() == 0
    done = tmp_path / "out" / "small"
    content = json.loads((done / "comparison.json").read_text())
    assert "images of 96x128: train 5, test 3" in content["protocol"]["data"]
    assert (
        "test, at the network's size, each run once, with the checkpoint" in capsys.readouterr().out
    )
    assert (done / "figure.png").is_file()
    assert study("--choose") == 0
    content = json.loads((tmp_path / "out" / "small_chosen" / "comparison.json").read_text())
    assert "NYUv2, images of 96x128: train 4, val 1" in content["protocol"]["data"]
    assert content["protocol"]["scored on"].startswith("val")


def test_the_error_of_missing_images_names_the_folder(study, tmp_path, capsys):
    (tmp_path / "nyuv2").rename(tmp_path / "elsewhere")
    assert study() == 2
    lines = capsys.readouterr().err.splitlines()
    assert "nyuv2" in lines[0]
    assert lines[-1].startswith("error: small: nyuv2: cannot be prepared")


def test_a_block_with_the_channels_of_its_encoder(tmp_path):
    block = nyuv2_study.BLOCKS["hrnet"]
    made = nyuv2_study._configuration("mti", block, tmp_path)
    assert made.parent == tmp_path / "configs"
    arguments = read_config(made)["model"]["network"]["init_args"]
    known = read_config(nyuv2_study.CONFIGS / "mti.yaml")["model"]["network"]["init_args"]
    assert "out_channels" not in arguments
    assert {**arguments, "out_channels": known["out_channels"]} == known
    unchanged = nyuv2_study.CONFIGS / "ctal.yaml"
    assert nyuv2_study._configuration("ctal", block, tmp_path) == unchanged
