"""Files written by ctal 0.1 load, give the same predictions, and resume."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import ctal
from ctal.cli import main
from ctal.networks import build, describe

RUN = Path(__file__).parent / "saved" / "v0_1_0"
"""A run of two steps: config.yaml, checkpoint, and predictions of it, all written by 0.1.0."""

BUNDLED = {
    "class": "ctal.networks.multi_scale_ctal.MultiScaleCTALNet",
    "arguments": {"encoder": "test_efficientnet", "image_size": [32, 64], "channels": 8},
    "tasks": [
        {"class": "ctal.tasks.semseg.SemanticSegmentation", "arguments": {"num_classes": 3}},
        {"class": "ctal.tasks.depth.Depth", "arguments": {}},
        {"class": "ctal.tasks.normals.SurfaceNormals", "arguments": {}},
    ],
}


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(RUN, tmp_path / "run"))


def test_a_checkpoint_gives_the_same_predictions(run):
    image = (np.arange(32 * 64 * 3).reshape(3, 32, 64) * 7919 % 256).astype(np.uint8)
    maps = ctal.load(run / "checkpoints" / "last.ckpt").predict(image)
    with np.load(run / "predictions.npz") as expected:
        assert set(expected) == set(maps)
        for name, values in expected.items():
            np.testing.assert_allclose(maps[name][::2, ::2], values, rtol=1e-4, atol=1e-5)


def test_a_run_resumes_from_its_own_config(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    config = run / "config.yaml"
    assert (
        main(
            [
                "validate",
                "--config",
                str(config),
                "--ckpt_path",
                "last",
                "--trainer.default_root_dir",
                str(run),
            ]
        )
        == 0
    )
    scores = json.loads((run / "scores_val.json").read_text())["scores"]
    assert (
        main(
            [
                "fit",
                "--config",
                str(config),
                "--ckpt_path",
                "last",
                "--trainer.default_root_dir",
                str(run),
                "--trainer.max_epochs",
                "2",
            ]
        )
        == 0
    )
    assert json.loads((run / "training.json").read_text())["steps"] == 4
    again = json.loads((run / "scores_val.json").read_text())["scores"]
    assert set(again) == set(scores)


@pytest.mark.parametrize("index", range(3))
def test_module_paths_of_0_1_resolve_to_the_same_classes(index):
    network = build(BUNDLED)
    description = describe(network)
    assert description["class"] == "ctal.networks.MultiScaleCTALNet"
    name = BUNDLED["tasks"][index]["class"].rpartition(".")[2]
    assert description["tasks"][index]["class"] == f"ctal.tasks.{name}"
    assert describe(build(description)) == description


def test_renamed_arguments_of_a_description_are_supported():
    old = {"widths": [8, 8, 16, 16], "equal_start": True}
    new = {"out_channels": [8, 8, 16, 16], "uniform_init": True}
    arguments = describe(build({**BUNDLED, "arguments": {**BUNDLED["arguments"], **old}}))
    assert arguments["arguments"].items() >= new.items()
    assert not arguments["arguments"].keys() & old.keys()
    both = {**BUNDLED, "arguments": {**BUNDLED["arguments"], **old, **new}}
    with pytest.raises(ctal.errors.InputError, match="widths"):
        build(both)


def test_a_task_with_the_deprecated_method_still_works():
    with pytest.warns(FutureWarning, match="Own: expected a method `visualize`, got `paint`"):

        class Own(ctal.tasks.Depth):
            def paint(self, prediction, reference=None):
                return super().paint(prediction, reference) // 2

    depth = torch.tensor([[[1.0, 2.0]]])
    assert (Own().visualize(depth) == ctal.Depth().visualize(depth) // 2).all()
    assert (Own().paint(depth) == Own().visualize(depth)).all()
