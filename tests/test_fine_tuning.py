"""`python -m benchmarks.fine_tuning`, on a few small rooms and with a small encoder."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import fine_tuning
from PIL import Image
from tests.small_networks import TASKS
from tests.small_nyuv2 import write_small_nyuv2

from ctal.data import NYUv2
from ctal.errors import InputError
from ctal.networks import SharedEncoderNet


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """NYUv2 of five images, as many as the benchmark takes here."""
    generator = np.random.default_rng(0)
    wall = np.full((288, 384), 500, np.uint16)  # 2 m away
    for number in range(5):
        image = generator.integers(1, 256, (288, 384, 3), dtype=np.uint8)
        labels = generator.integers(0, 41, (288, 384), dtype=np.uint8)
        write_small_nyuv2(tmp_path / "nyuv2" / "train", number, image, wall, labels)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fine_tuning, "SPLITS", {"train": 3, "test": 2})


def table(output):
    return [line.split(" | ") for line in output.splitlines() if line.startswith("| ")]


def test_the_table_has_a_row_for_each_start(rooms, monkeypatch, capsys):
    first = SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 32))
    # a network that predicts depths below the nearest one has the same error with every seed
    torch.nn.init.ones_(first.heads["depth"].predict.bias)
    first.save_pretrained("first")
    args = ["--data", "nyuv2", "--weights", "false", "--sources", "first", "--epochs", "1"]
    args += ["--seeds", "0", "1"]
    args += ["--output", "out", "--overrides", "trainer.accelerator=cpu", "data.batch_size=3"]
    monkeypatch.setattr(sys, "argv", ["fine_tuning", *args])
    fine_tuning.main()
    output = capsys.readouterr()
    rows = table(output.out)
    assert [row[0] for row in rows[2:]] == [
        "| the encoder's ImageNet weights",
        "| encoder of first",
        "| all of first",
    ]
    means = [row[2].split(" ± ")[0] for row in rows[2:]]
    assert all(float(mean) >= 0 for mean in means)
    files = [Path(f"out/all_of_first_0.001_seed{seed}/scores_test.json") for seed in (0, 1)]
    depths = [json.loads(file.read_text())["scores"]["depth/abs_error"] for file in files]
    assert depths[0] != depths[1]
    expected = f"{np.mean(depths):.3g} ± {np.std(depths, ddof=1):.2g}"
    assert rows[4][4] == expected
    assert output.err.count("first: ") == 2  # what is new, for each seed
    # rerun: nothing is trained again
    fine_tuning.main()
    again = capsys.readouterr()
    assert table(again.out) == rows
    assert "first: " not in again.err


def test_the_folder_has_merged_classes_and_millimeters(rooms, tmp_path):
    dataset = NYUv2("nyuv2", "train", tasks=("semseg", "depth"))
    fine_tuning.write_folder(dataset, tmp_path / "own")
    label = np.array(Image.open(tmp_path / "own" / "test" / "label" / "004.png"))
    known = dataset[4]["semseg"].numpy()
    names = list(fine_tuning.MERGED)
    for old, new in (("bed", "seating"), ("floor", "ground"), ("window", "shell")):
        place = dataset.tasks[0].class_names.index(old)
        assert set(label[known == place]) == {names.index(new)}
    assert set(label[known == 255]) == {255}
    depth = np.array(Image.open(tmp_path / "own" / "train" / "depth" / "000.png"))
    assert set(depth[depth > 0]) == {2000}
    merged = [name for old in fine_tuning.MERGED.values() for name in old]
    assert sorted(merged) == sorted(dataset.tasks[0].class_names)


def test_too_few_images(rooms, monkeypatch, tmp_path):
    monkeypatch.setattr(fine_tuning, "SPLITS", {"train": 9, "test": 2})
    dataset = NYUv2("nyuv2", "train", tasks=("semseg", "depth"))
    with pytest.raises(InputError, match="data: expected 11 images, got 5"):
        fine_tuning.write_folder(dataset, tmp_path / "own")
