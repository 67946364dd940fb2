"""The committed configuration of configs/nyuv2_folder, and the real pictures where they are."""

from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import ArgumentParser

from ctal.data import DenseDataModule

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "nyuv2_folder"
PICTURES = ROOT.parent / "shared" / "nyuv2_288x384"


def names(file):
    return (CONFIGS / file).read_text().split()


def test_no_validation_picture_stands_near_a_training_picture():
    train, val = names("train200.txt"), names("val50.txt")
    assert (len(set(train)), len(set(val))) == (200, 50)
    # ids count up within a room, so near ids may be the same room; test ids lie between them
    nearest = min(abs(int(a) - int(b)) for a in train for b in val)
    assert nearest >= 10


@pytest.fixture
def data(monkeypatch):
    if not PICTURES.is_dir():
        pytest.skip(f"the real pictures are not at {PICTURES}")
    monkeypatch.chdir(ROOT)
    config = yaml.safe_load((CONFIGS / "multi_scale_ctal.yaml").read_text())["data"]
    parser = ArgumentParser()
    parser.add_class_arguments(DenseDataModule, "data")
    # what this test does not need: all pictures in memory
    parsed = parser.parse_object({"data": config | {"cache": False}})
    return parser.instantiate(parsed).data


def test_the_configuration_reads_real_pictures_with_no_code(data):
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (data.batch_size, 3, *data.image_size)
    assert [len(data.datasets[split]) for split in ("train", "val")] == [200, 50]
    classes = batch["semseg"][batch["semseg"] != 255]
    assert 0 <= classes.min() <= classes.max() <= 12
    assert 0.3 < batch["depth"].min() <= batch["depth"].max() <= 10


def test_labels_and_metres_of_a_known_picture(data):
    """Picture 0003, an office with doors, a table and a chair: counted in its label40 file."""
    assert data.datasets["train"].sample_name(0) == "0003"
    sample = data.datasets["train"][0]
    pixels = torch.bincount(sample["semseg"].flatten(), minlength=256)
    by_name = dict(zip(data.tasks[0].class_names, pixels.tolist(), strict=False))
    assert by_name["wall"] == 37401 + 33028  # label 1 wall, 8 door
    assert (by_name["chair"], by_name["table"]) == (5573, 5983)  # labels 5 and 7
    assert pixels[255] == 11778  # label 0, void
    assert sample["depth"][0, 144, 192].item() == pytest.approx(448 * 0.004)
