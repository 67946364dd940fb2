"""`ctal test` at the images' own size, against maps of `ctal.load` and metrics in numpy."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sklearn.metrics import jaccard_score, recall_score

import ctal
from ctal.cli import main

CONFIG = """
seed_everything: 0
data:
  train: &split
    class_path: ctal.data.FolderDataset
    init_args:
      root: photos
      image: "image/{name}.png"
      maps:
        - task: {class_path: ctal.tasks.SemanticSegmentation, init_args: {num_classes: 3}}
          files: "semseg/{name}.png"
        - task: {class_path: ctal.tasks.Depth}
          files: "depth/{name}.npy"
  val: *split
  test: *split
  image_size: [32, 64]
  batch_size: 2
model:
  network:
    class_path: ctal.networks.SharedEncoderNet
    init_args: {encoder: test_resnet}
trainer: {default_root_dir: run, max_epochs: 1, accelerator: cpu, enable_progress_bar: false}
"""
SIZES = [(40, 96), (61, 80), (32, 64), (70, 70), (33, 50)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on photos of different sizes."""
    root = tmp_path_factory.mktemp("own")
    generator = np.random.default_rng(0)
    for kind in ("image", "semseg", "depth"):
        (root / "photos" / kind).mkdir(parents=True)
    for index, size in enumerate(SIZES):
        coarse = generator.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        image = np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))
        classes = image[..., 0] // 86
        depth = image[..., 1].astype(np.float32) / 50 + 1
        classes[:5], depth[:, :5] = 255, 0  # without a label
        Image.fromarray(image).save(root / f"photos/image/{index}.png")
        Image.fromarray(classes).save(root / f"photos/semseg/{index}.png")
        np.save(root / f"photos/depth/{index}.npy", depth)
    (root / "config.yaml").write_text(CONFIG)
    before = Path.cwd()
    os.chdir(root)
    try:
        assert main(["fit", "--config", "config.yaml"]) == 0
    finally:
        os.chdir(before)
    return root


def scored(run: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict:
    monkeypatch.chdir(run)
    assert main(["test", "--config", "run/config.yaml", *options]) == 0
    return json.loads((run / "run/scores_test.json").read_text())


def maps_of(run: Path, **options: object) -> list[tuple[dict, np.ndarray, np.ndarray]]:
    """Predictions of every photo at its own size, with its labels."""
    model = ctal.load(run / "run")
    found = []
    for index in range(len(SIZES)):
        classes = np.asarray(Image.open(run / f"photos/semseg/{index}.png"))
        depth = np.load(run / f"photos/depth/{index}.npy")
        found.append((model.predict(run / f"photos/image/{index}.png", **options), classes, depth))
    return found


@pytest.mark.parametrize(
    ("options", "copies"),
    [((), {}), (("--scoring.flip", "true", "--scoring.scales", "[1, 1.5]"), "both")],
)
def test_scores_at_the_images_own_size(run, monkeypatch, capsys, options, copies):
    content = scored(run, monkeypatch, "--scoring.resolution", "image", *options)
    maps = maps_of(run, **({"flip": True, "scales": [1, 1.5]} if copies else {}))
    truth = np.concatenate([classes[classes != 255] for _, classes, _ in maps])
    found = np.concatenate([m["semseg"][classes != 255] for m, classes, _ in maps])
    wrong = np.concatenate([np.abs(m["depth"] - d)[d > 0] for m, _, d in maps])
    assert content["scores"]["semseg/miou"] == pytest.approx(
        jaccard_score(truth, found, average="macro"), abs=1e-3
    )
    assert content["scores"]["depth/abs_error"] == pytest.approx(wrong.mean(), rel=1e-4)
    accuracy = recall_score(truth, found, average=None)
    rows = content["classes"]["semseg"]
    assert [row["accuracy"] for row in rows] == pytest.approx(accuracy.tolist(), abs=1e-3)
    assert [row["class"] for row in rows] == ["0", "1", "2"]
    assert content["scoring"]["resolution"] == "image"
    printed = capsys.readouterr().out
    assert "best.ckpt of epoch 1, 5 images, at the images' own size" in printed
    assert ("flip and scales 1, 1.5" in printed) is bool(copies)
    assert f"{100 * rows[1]['accuracy']:.4g}" in printed


def test_depth_is_scored_on_the_pixels_of_the_protocol(run, monkeypatch, capsys):
    content = scored(
        *(run, monkeypatch, "--scoring.resolution", "image", "--scoring.depth.crop", "garg"),
        *("--scoring.depth.min_depth", "1.5", "--scoring.depth.max_depth", "4"),
        *("--scoring.depth.median_scaling", "true"),
    )
    wrong = []
    for maps, _, depth in maps_of(run):
        height, width = depth.shape
        mask = (depth > 1.5) & (depth < 4)
        inside = np.zeros_like(mask)
        rows = slice(int(0.40810811 * height), int(0.99189189 * height))
        inside[rows, int(0.03594771 * width) : int(0.96405229 * width)] = True
        mask &= inside
        ratio = np.median(depth[mask]) / np.median(maps["depth"][mask])
        wrong.append(np.abs(np.clip(maps["depth"] * ratio, 1.5, 4) - depth)[mask])
    expected = np.concatenate(wrong).mean()
    assert content["scores"]["depth/abs_error"] == pytest.approx(expected, rel=1e-4)
    assert content["scoring"]["depth"]["crop"] == "garg"
    assert "depth: 1.5 to 4 m, crop garg, median scaling" in capsys.readouterr().out


def test_worst_images_first(run, monkeypatch):
    scored(run, monkeypatch, "--scoring.resolution", "image")
    with (run / "run/scores_test.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["image"] for row in rows) == [str(i) for i in range(len(SIZES))]
    errors = [float(row["relative_error"]) for row in rows]
    assert errors == sorted(errors, reverse=True)
    maps = maps_of(run)
    depth = [np.abs(m["depth"] - d)[d > 0].mean() for m, _, d in maps]
    semseg = [(m["semseg"] != c)[c != 255].mean() for m, c, _ in maps]
    for row in rows:
        index = int(row["image"])
        assert float(row["depth/abs_error"]) == pytest.approx(depth[index], rel=1e-4)
        relative = depth[index] / np.mean(depth) + semseg[index] / np.mean(semseg)
        assert float(row["relative_error"]) == pytest.approx(relative / 2, rel=1e-2)


def test_scores_of_other_options_are_not_replaced_without_a_word(run, monkeypatch, capsys):
    scored(run, monkeypatch)
    capsys.readouterr()
    scored(run, monkeypatch)
    note = "replaced; the previous scores used other options of `scoring`"
    assert note not in capsys.readouterr().err
    scored(run, monkeypatch, "--scoring.flip", "true")
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if note in line] == [f"run/scores_test.json: {note}"]


def test_two_processes_write_what_one_writes(run, monkeypatch):
    arguments = ["test", "--config", "run/config.yaml", "--scoring.resolution", "image"]
    content = scored(run, monkeypatch, *arguments[3:])
    table = (run / "run/scores_test.csv").read_text()
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp"]
    command = [sys.executable, "-m", "ctal", *arguments, *two]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=run)
    assert done.returncode == 0, done.stderr
    again = json.loads((run / "run/scores_test.json").read_text())
    assert again["scores"] == pytest.approx(content["scores"])
    assert again["classes"] == content["classes"]
    assert (run / "run/scores_test.csv").read_text() == table


def test_options_are_kept_for_the_scores_of_a_run(run, monkeypatch):
    """The configuration of a training has them for `ctal test`; the training does not use them."""
    monkeypatch.chdir(run)
    options = ["--scoring.resolution", "image", "--scoring.depth.max_depth", "5"]
    folder = ["--trainer.default_root_dir", "other"]
    assert main(["fit", "--config", "config.yaml", *folder, *options]) == 0
    fitted = json.loads((run / "other/scores_val.json").read_text())
    assert fitted["scoring"]["resolution"] == "image"
    assert main(["validate", "--config", "other/config.yaml"]) == 0
    again = json.loads((run / "other/scores_val.json").read_text())
    assert again["scores"] == fitted["scores"]
    state = [torch.load(run / f / "checkpoints/best.ckpt")["state_dict"] for f in ("run", "other")]
    assert all(torch.equal(value, state[1][name]) for name, value in state[0].items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scoring.resolution", "own"], "scoring.resolution: "),
        (["--scoring.scales", "[0]"], "scales: expected one or more numbers > 0"),
        (["--scoring.depth.crop", "kitti"], "scoring.depth.crop: "),
        (["--scoring.depth.max_depth", "-1"], "max_depth: expected a number of meters > 0"),
        (
            ["--scoring.depth.max_depth", "80", "--data.tasks", "[semseg]"],
            "scoring.depth: expected a task with depth in meters, got semseg",
        ),
    ],
)
def test_errors_in_one_line(run, monkeypatch, capsys, options, message):
    monkeypatch.chdir(run)
    for command in ("test", "fit"):
        folder = ["--trainer.default_root_dir", "new"] if command == "fit" else []
        assert main([command, "--config", "config.yaml", *folder, *options]) == 2
        printed = capsys.readouterr().err.strip()
        assert message in printed
        assert len(printed.splitlines()) == 1


def test_the_documented_options_are_valid(run, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "scoring:" in b)
    (run / "documented.yaml").write_text(block)
    content = scored(run, monkeypatch, "--config", "documented.yaml")
    assert content["scoring"] == yaml.safe_load(block)["scoring"]
