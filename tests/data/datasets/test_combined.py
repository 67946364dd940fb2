"""Combined datasets: samples, tasks and errors, in Python and from a config."""

import json

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from ctal.cli import main
from ctal.data import CombinedDataset, DenseDataModule, PreparedArrays
from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation


def with_tasks(dataset, *names):
    dataset.tasks = [task for task in dataset.tasks if task.name in names]
    dataset.samples = [
        {name: sample[name] for name in ("image", *names)} for sample in dataset.samples
    ]
    return dataset


@pytest.fixture
def classes_and_depth(memory_dataset):
    return [with_tasks(memory_dataset(3), "semseg"), with_tasks(memory_dataset(2), "depth")]


def test_samples_follow_each_other_with_their_own_maps(classes_and_depth):
    combined = CombinedDataset(classes_and_depth)
    assert len(combined) == 5
    assert [task.name for task in combined.tasks] == ["semseg", "depth"]
    names = [combined.sample_name(index) for index in range(5)]
    assert names == ["0:0", "0:1", "0:2", "1:0", "1:1"]
    maps = [sorted(combined[index].keys() - {"image"}) for index in range(5)]
    assert maps == [["semseg"]] * 3 + [["depth"]] * 2
    assert torch.equal(combined[4]["depth"], classes_and_depth[1][1]["depth"])
    assert torch.equal(combined[-1]["depth"], classes_and_depth[1][1]["depth"])
    with pytest.raises(IndexError):
        combined[5]


def test_a_batch_mixes_datasets_and_missing_maps_are_unlabelled(classes_and_depth):
    data = DenseDataModule(CombinedDataset(classes_and_depth), batch_size=5)
    batch = next(iter(data.train_dataloader()))
    with_depth = batch["depth"].flatten(1).any(dim=1).as_subclass(torch.Tensor)
    with_classes = batch["semseg"].flatten(1).ne(255).any(dim=1).as_subclass(torch.Tensor)
    assert with_depth.sum() == 2
    assert torch.equal(with_classes, ~with_depth)


def test_the_same_dataset_twice_counts_twice(memory_dataset):
    dataset = memory_dataset(2)
    combined = CombinedDataset([dataset, dataset])
    assert torch.equal(combined[0]["image"], combined[2]["image"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one, other: [], r"datasets: expected at least one dataset, got an empty list"),
        (lambda one, other: [one, other], r"datasets\[1\]: expected the task .*num_classes=3"),
    ],
)
def test_incompatible_datasets_are_rejected(memory_dataset, change, message):
    other = memory_dataset()
    other.tasks = [SemanticSegmentation(4), Depth()]
    with pytest.raises(InputError, match=message):
        CombinedDataset(change(memory_dataset(), other))
    with pytest.raises(InputError, match=r"datasets\[1\]: expected a dataset with samples"):
        CombinedDataset([memory_dataset(), memory_dataset(0)])


CONFIG = """
data:
  train:
    class_path: ctal.data.CombinedDataset
    init_args:
      datasets:
        - class_path: ctal.data.FolderDataset
          init_args: &streets
            root: streets
            image: "image/{name}.png"
            maps:
              - task: {class_path: ctal.tasks.SemanticSegmentation, init_args: {num_classes: 3}}
                files: "classes/{name}.png"
        - class_path: ctal.data.FolderDataset
          init_args:
            root: rooms
            image: "image/{name}.png"
            maps:
              - {task: {class_path: ctal.tasks.Depth}, files: "depth/{name}.png", scale: 0.001}
  val: {class_path: ctal.data.FolderDataset, init_args: *streets}
  test: {class_path: ctal.data.FolderDataset, init_args: *streets}
  image_size: [32, 64]
  batch_size: 4
model:
  network:
    class_path: ctal.networks.SharedEncoderNet
    init_args: {encoder: test_resnet}
trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false, logger: false}
"""


def write_folders(root):
    generator = np.random.default_rng(0)
    for folder, kind, low, high in [("streets", "classes", 0, 3), ("rooms", "depth", 500, 5000)]:
        for sub in ("image", kind):
            (root / folder / sub).mkdir(parents=True)
        for name in range(4):
            image = generator.integers(0, 255, (32, 64, 3), np.uint8)
            PILImage.fromarray(image).save(root / folder / "image" / f"{name}.png")
            values = generator.integers(low, high, (32, 64)).astype(np.uint16)
            values = values.astype(np.uint8) if kind == "classes" else values
            PILImage.fromarray(values).save(root / folder / kind / f"{name}.png")


def test_a_network_trains_on_two_folders_and_is_scored_on_one(tmp_path, monkeypatch, capsys):
    write_folders(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", "--config", "c.yaml", "--workers=0"]) == 0
    out = capsys.readouterr().out
    assert "CombinedDataset, 8 samples" in out
    assert main(["data", "show", "--config", "c.yaml", "--output", "sheet.png"]) == 0
    assert (tmp_path / "sheet.png").is_file()
    assert main(["data", "prepare", "--config", "c.yaml", "--output=p", "--workers=0"]) == 0
    prepared = PreparedArrays(tmp_path / "p" / "train")
    assert [task.name for task in prepared.tasks] == ["semseg", "depth"]
    assert [sorted(prepared[index].keys() - {"image"}) for index in (0, 7)] == [
        ["semseg"],
        ["depth"],
    ]
    with pytest.warns(UserWarning, match=r"data\.(val|test): has no depth"):
        assert main(["fit", "--config", "c.yaml", "--trainer.default_root_dir", "run"]) == 0
    best = ["--ckpt_path", "run/checkpoints/best.ckpt"]
    with pytest.warns(UserWarning, match=r"data\.(val|test): has no depth"):
        assert main(["test", "--config", "run/config.yaml", *best]) == 0
    scores = json.loads((tmp_path / "run" / "scores_test.json").read_text())
    assert scores["scores"]["semseg/miou"] > 0
    assert scores["scores"]["depth/rmse"] is None
    for name in ("val", "test"):
        assert json.loads((tmp_path / "run" / f"scores_{name}.json").read_text())["samples"] == 4
