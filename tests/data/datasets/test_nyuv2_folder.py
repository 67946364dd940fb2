"""The committed configs of configs/nyuv2_folder, and the real images if available."""

from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import ArgumentParser

from ctal.data import DenseDataModule

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "configs" / "nyuv2_folder"
PICTURES = ROOT.parent / "shared" / "nyuv2_288x384"


def names(file):
    return (CONFIGS / file).read_text().split()


def test_validation_and_training_ids_are_far_apart():
    train, val = names("train200.txt"), names("val50.txt")
    assert (len(set(train)), len(set(val))) == (200, 50)
    # ids are consecutive within a room, so near ids may be the same room; test ids are between them
    nearest = min(abs(int(a) - int(b)) for a in train for b in val)
    assert nearest >= 10


@pytest.fixture
def open_data(monkeypatch):
    """Open the data of a config, without the cache."""
    if not PICTURES.is_dir():
        pytest.skip(f"the real images are not at {PICTURES}")
    monkeypatch.chdir(ROOT)

    def open_it(file):
        config = yaml.safe_load((CONFIGS / file).read_text())["data"]
        parser = ArgumentParser()
        parser.add_class_arguments(DenseDataModule, "data")
        parsed = parser.parse_object({"data": config | {"cache": False}})
        return parser.instantiate(parsed).data

    return open_it


@pytest.fixture
def data(open_data):
    return open_data("multi_scale_ctal.yaml")


def test_the_config_reads_the_real_images(data):
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (data.batch_size, 3, *data.image_size)
    assert [len(data.datasets[split]) for split in ("train", "val")] == [200, 50]
    classes = batch["semseg"][batch["semseg"] != 255]
    assert 0 <= classes.min() <= classes.max() <= 12
    assert 0.3 < batch["depth"].min() <= batch["depth"].max() <= 10


def test_labels_and_depth_of_a_known_image(data):
    """Image 0003, an office with doors, a table and a chair: counted in its label40 file."""
    assert data.datasets["train"].sample_name(0) == "0003"
    sample = data.datasets["train"][0]
    pixels = torch.bincount(sample["semseg"].flatten(), minlength=256)
    by_name = dict(zip(data.tasks[0].class_names, pixels.tolist(), strict=False))
    assert by_name["wall"] == 37401 + 33028  # label 1 wall, 8 door
    assert (by_name["chair"], by_name["table"]) == (5573, 5983)  # labels 5 and 7
    assert pixels[255] == 11778  # label 0, void
    assert sample["depth"][0, 144, 192].item() == pytest.approx(448 * 0.004)


def test_two_networks_with_all_tasks_use_the_same_data():
    files = ["all_tasks_shared_encoder.yaml", "all_tasks_multi_scale_ctal.yaml"]
    shared, ctal = (yaml.safe_load((CONFIGS / file).read_text()) for file in files)
    assert shared["data"] == ctal["data"]
    assert shared["model"]["task_weights"] == ctal["model"]["task_weights"]
    assert shared["model"]["network"]["class_path"] != ctal["model"]["network"]["class_path"]


@pytest.mark.parametrize("network", ["shared_encoder", "multi_scale_ctal"])
def test_normals_and_edges_are_derived_from_depth_and_classes(open_data, network):
    data = open_data(f"all_tasks_{network}.yaml")
    names = ["semseg", "depth", "normals", "edges"]
    assert [task.name for task in data.tasks] == names
    dataset = data.datasets["train"]
    floors, known = [], []
    for index in range(0, 200, 25):
        sample = dataset[index]
        vectors = sample["normals"].permute(1, 2, 0)
        known.append(vectors.any(dim=-1).float().mean().item())
        floors.append(vectors[(sample["semseg"] == 4) & vectors.any(dim=-1)])
        assert 0.002 < (sample["edges"] == 1).float().mean() < 0.05
    assert 0.7 < min(known) < max(known) < 0.8  # except the frame without measured depth
    up = torch.cat(floors).mean(dim=0)
    assert up[1] < -0.85  # y points down, floors face up
    assert up[2] < 0  # seen from above
    batch = next(iter(data.val_dataloader()))
    assert batch["normals"].shape == (8, 3, 96, 128)
    assert batch["edges"].unique().tolist() == [0, 1, 255]
