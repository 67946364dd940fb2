"""docs/own_images.md, from a folder to a device, by its own configuration and commands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.small_networks import TASKS

from ctal.cli import main
from ctal.networks import MultiScaleCTALNet

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "own_images.md").read_text(encoding="utf-8")
(CONFIG,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
SMALL = {"encoder": "test_resnet", "out_channels": [4, 4, 4, 4], "channels": 8}
SIZE = (32, 64)
COUNT = 10
CLASSES = ["seating", "storage", "things", "ground", "shell"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder as the page has it, and its configuration with a small network."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for kind in ("photos", "labels", "depth"):
        Path("own", kind).mkdir(parents=True)
    for index in range(COUNT):
        name = f"room_{index:03}"
        photo = generator.integers(0, 256, (48, 96, 3), np.uint8)
        Image.fromarray(photo).save(f"own/photos/{name}.{'jpg' if index % 3 else 'png'}")
        if index != 2:
            ids = generator.integers(0, 6, (48, 96), np.uint8) * 10
            Image.fromarray(ids).save(f"own/labels/{name}.png")
        if index not in (1, 2):
            depth = generator.integers(0, 9000, (48, 96), np.uint16)
            Image.fromarray(depth).save(f"own/depth/{name}.png")
    MultiScaleCTALNet(TASKS, image_size=SIZE, **SMALL).save_pretrained("first")
    content = yaml.safe_load(CONFIG)
    content["model"]["init_from"] = "first"
    content["data"]["image_size"] = list(SIZE)
    content["trainer"] |= {"max_epochs": 1, "accelerator": "cpu", "logger": False}
    Path("own.yaml").write_text(yaml.safe_dump(content))


def test_from_a_folder_to_a_device(place, capfd):
    assert [command[:2] for command in COMMANDS] == [
        ["ctal", "data"],
        ["ctal", "data"],
        ["ctal", "fit"],
        ["ctal", "validate"],
        ["ctal", "predict"],
        ["ctal", "export"],
    ]
    printed = []
    for command in COMMANDS:
        assert main(command[1:]) == 0, (command, capfd.readouterr())
        printed.append(capfd.readouterr())
    check, show, fit, validate, predict, export = printed
    assert "no problems" in check.out
    assert "5 of 5 classes" in check.out
    assert "samples.png" in show.out
    assert "first: " in fit.err
    assert "at the images' own size" in validate.out
    assert all(name in validate.out for name in CLASSES)
    assert f"maps: wrote .npz and .png of {COUNT} inputs in" in predict.out
    assert all(part in export.out for part in ("PyTorch", "miou", "abs_error", "val split"))
    with np.load("maps/room_001.npz") as file:
        assert file["semseg"].shape == file["depth"].shape == (48, 96)
        assert file["semseg"].max() < len(CLASSES)
    assert {path.stem for path in Path("maps").glob("*.png")} == {
        path.stem for path in Path("own/photos").iterdir()
    }
    scores = json.loads(Path("runs/own/scores_val.json").read_text())["scores"]
    assert scores["depth/abs_error"] > 0
    run_on_the_device()
    # the page has no test split
    assert main(["test", "--config", "runs/own/config.yaml"]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        "error: data.test: expected a dataset to score on, got none; add it to the configuration, "
        "or run `ctal validate` to score on val"
    )


def run_on_the_device():
    """Run the script of docs/export.md beside the file, without ctal."""
    script = re.findall(r"```python\n(.*?)```", (DOCS / "export.md").read_text(), re.DOTALL)[0]
    assert "ctal" not in script
    Image.open("own/photos/room_001.jpg").save("photo.jpg")
    found = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert f"semseg (1, {SIZE[0]}, {SIZE[1]}) class id" in found
    assert f"depth (1, 1, {SIZE[0]}, {SIZE[1]}) m" in found
    session = onnxruntime.InferenceSession("network.onnx")
    tasks = json.loads(session.get_modelmeta().custom_metadata_map["tasks"])
    assert tasks[0]["class_names"] == CLASSES


def test_stored_ids_without_a_table_name_the_option(place, capsys):
    content = yaml.safe_load(Path("own.yaml").read_text())
    for split in ("train", "val"):
        content["data"][split]["init_args"]["maps"][0].pop("labels", None)
    Path("own.yaml").write_text(yaml.safe_dump(content))
    assert main(["data", "check", "--config", "own.yaml", "--workers=0"]) == 1
    assert "got [10, 20, 30, 40, 50] (in" in (printed := capsys.readouterr().out)
    assert "; set `labels` to map stored values to them" in printed
