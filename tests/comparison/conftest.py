import json

import numpy as np
import pytest
import yaml
from PIL import Image

from ctal.cli.main import main as cli

SIZES = {"train": 4, "val": 2, "test": 3}


@pytest.fixture
def configs(tmp_path, monkeypatch):
    """A folder to work in, with small data and the configurations single.yaml and shared.yaml."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for split, number in SIZES.items():
        for kind in ("image", "semseg", "depth"):
            (tmp_path / split / kind).mkdir(parents=True)
        for index in range(number):
            colours = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            classes = generator.integers(0, 3, (32, 32), dtype=np.uint8)
            Image.fromarray(colours).save(tmp_path / split / "image" / f"{index}.png")
            Image.fromarray(classes).save(tmp_path / split / "semseg" / f"{index}.png")
            depth = generator.uniform(1, 4, (32, 32)).astype(np.float32)
            np.save(tmp_path / split / "depth" / f"{index}.npy", depth)
    for name, network in (("single", "SingleTaskNet"), ("shared", "SharedEncoderNet")):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(_config(network)))
    return ["shared.yaml", "single.yaml"]


@pytest.fixture
def complete_here():
    """Brings runs to their end in this process: in another one torch takes seconds to import.

    It notes the commands that were run in its attribute `commands`.
    """

    def complete(runs, parallel=1):
        for run in runs:
            if run.next_command() is not None:
                run.begin()
            while args := run.next_command():
                complete.commands.append(args)
                if code := cli.main(args):
                    raise SystemExit(code)

    complete.commands = []
    return complete


@pytest.fixture
def in_process(monkeypatch, complete_here):
    """Lets `compare` do its runs in this process; gives the list of the commands run."""
    monkeypatch.setattr("ctal.cli.compare.complete", complete_here)
    return complete_here.commands


@pytest.fixture
def scores_of(tmp_path):
    """The scores that a run left behind, and the time when it did."""

    def read(name, seed, output="out"):
        file = tmp_path / output / name / f"seed{seed}" / "scores_test.json"
        return json.loads(file.read_text())["scores"], file.stat().st_mtime_ns

    return read


def _config(network):
    data = {"batch_size": 2, "image_size": [32, 32]}
    for split in SIZES:
        maps = [
            {
                "task": {
                    "class_path": "ctal.tasks.SemanticSegmentation",
                    "init_args": {"num_classes": 3},
                },
                "files": "semseg/{name}.png",
            },
            {"task": {"class_path": "ctal.tasks.Depth"}, "files": "depth/{name}.npy"},
        ]
        arguments = {"root": split, "image": "image/{name}.png", "maps": maps}
        data[split] = {"class_path": "ctal.data.FolderDataset", "init_args": arguments}
    return {
        "trainer": {"max_epochs": 3, "accelerator": "cpu", "enable_progress_bar": False},
        "model": {
            "network": {
                "class_path": f"ctal.networks.{network}",
                "init_args": {"encoder": "test_resnet"},
            },
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001}},
        },
        "data": data,
    }
