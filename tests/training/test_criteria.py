"""Losses set in a config, through the command line."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.own_network import OwnNet
from tests.same_run import assert_same_checkpoint, checkpoint
from tests.small_classes import write_training

import ctal
from ctal.cli import main
from ctal.errors import InputError
from ctal.losses import BerHu, CrossEntropy, Focal
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.training import MultiTaskModule
from ctal.training.criteria import train_counts
from ctal.training.criteria import with_criteria as training_criteria

BALANCED = {"class_path": "ctal.losses.CrossEntropy", "init_args": {"class_weights": "balanced"}}
LAST = "run/checkpoints/last.ckpt"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=1, logger=False)
    torch.set_num_threads(1)


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", *arguments])


def with_criteria(**criteria):
    # a schedule that does not depend on the length of the run
    constant = {"class_path": "torch.optim.lr_scheduler.ConstantLR", "init_args": {"factor": 1.0}}
    content = {"model": {"criteria": criteria, "lr_scheduler": constant}}
    Path("criteria.yaml").write_text(yaml.safe_dump(content))
    return ["--config", "criteria.yaml"]


def in_the_task(criterion):
    """Return the config with the loss as an argument of the task."""
    content = yaml.safe_load(Path("c.yaml").read_text())
    for split in ("train", "val"):
        (entry,) = content["data"][split]["init_args"]["maps"]
        entry["task"] = {
            "class_path": entry["task"]["class_path"],
            "init_args": {"num_classes": 3, "criterion": criterion},
        }
    Path("c.yaml").write_text(yaml.safe_dump(content))


def counts():
    files = sorted(Path("data/semseg").glob("*.png"))
    labels = np.stack([np.asarray(Image.open(file)) for file in files])
    return np.bincount(labels.ravel(), minlength=3).tolist()


def test_balanced_weights_are_computed_once_and_saved_in_the_checkpoint():
    assert fit(*with_criteria(semseg=BALANCED)) == 0
    assert checkpoint(LAST)["class_counts"] == {"semseg": counts()}
    settings = yaml.safe_load(Path("run/config.yaml").read_text())["model"]["criteria"]["semseg"]
    assert settings["init_args"]["class_weights"] == "balanced"
    whole = ["--trainer.default_root_dir=whole", "--trainer.max_epochs=2"]
    assert fit(*with_criteria(semseg=BALANCED), *whole) == 0
    # changed labels do not change the weights of a run
    more = ["--ckpt_path=last", "--trainer.max_epochs=2"]
    assert main(["fit", "--config", "run/config.yaml", *more]) == 0
    assert_same_checkpoint(LAST, "whole/checkpoints/last.ckpt")
    changed = torch.load(LAST, weights_only=True)
    changed["class_counts"]["semseg"] = [1, 2, 3]
    torch.save(changed, LAST)
    last = ["--ckpt_path=last", "--trainer.max_epochs=3"]
    assert main(["fit", "--config", "run/config.yaml", *last]) == 0
    assert checkpoint(LAST)["class_counts"] == {"semseg": [1, 2, 3]}


def test_a_loss_of_the_task_equals_a_loss_of_the_model():
    assert fit(*with_criteria(semseg=BALANCED)) == 0
    assert fit(*with_criteria(), "--trainer.default_root_dir=default") == 0
    in_the_task(BALANCED)
    assert fit(*with_criteria(), "--trainer.default_root_dir=task") == 0
    assert_same_checkpoint(LAST, "task/checkpoints/last.ckpt")
    states = [checkpoint(path)["state_dict"] for path in (LAST, "default/checkpoints/last.ckpt")]
    assert any(not torch.equal(value, states[1][name]) for name, value in states[0].items())
    # the loss is in config.yaml; the network does not need it
    settings = yaml.safe_load(Path("task/config.yaml").read_text())
    saved = settings["data"]["train"]["init_args"]["maps"][0]["task"]["init_args"]["criterion"]
    assert saved["init_args"]["class_weights"] == "balanced"
    assert ctal.load("task").tasks[0].criterion is None
    score = ["validate", "--config", "task/config.yaml"]
    assert main(score) == 0
    assert main(["validate", "--config", "c.yaml", "--trainer.default_root_dir=default"]) == 0


@pytest.mark.parametrize(
    ("criteria", "named"),
    [
        ({"depth": BALANCED}, "model.criteria: unknown task 'depth'; .* semseg"),
        ({"semseg": {"class_path": "ctal.losses.BerHu"}}, "expected a ctal.losses.ClassLoss"),
        (
            {
                "semseg": {
                    "class_path": "ctal.losses.CrossEntropy",
                    "init_args": {"class_weights": [1.0, 2.0]},
                }
            },
            "model.criteria.semseg: class_weights: expected 3 weights",
        ),
    ],
)
def test_an_incompatible_loss_gives_a_one_line_error(criteria, named, capsys):
    assert fit(*with_criteria(**criteria)) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("error: ")
    with pytest.raises(InputError, match=named):
        raise InputError(line)


def test_task_weights_multiply_the_chosen_losses():
    tasks = [SemanticSegmentation(3), Depth(), SurfaceNormals()]
    criteria = {"semseg": Focal(), "depth": BerHu()}
    module = MultiTaskModule(
        OwnNet(tasks, channels=2), task_weights={"semseg": 2.0}, criteria=criteria
    ).eval()
    image = torch.rand(1, 3, 8, 8)
    batch = {
        "image": image,
        "semseg": torch.randint(3, (1, 8, 8)),
        "depth": torch.rand(1, 1, 8, 8) + 1,
        "normals": torch.nn.functional.normalize(torch.randn(1, 3, 8, 8), dim=1),
    }
    final = module(image).final
    found = module.losses.weighted(module.losses(module(image), batch))
    expected = {
        "semseg": 2
        * SemanticSegmentation(3, criterion=Focal()).loss(final["semseg"], batch["semseg"]),
        "depth": Depth(criterion=BerHu()).loss(final["depth"], batch["depth"]),
        "normals": SurfaceNormals().loss(final["normals"], batch["normals"]),
    }
    torch.testing.assert_close(found, expected)


class Heat:
    """Part of a user's task, which has no argument `criterion`."""

    name = "heat"


def test_normals_and_edges_take_a_loss_from_a_config():
    chosen = {
        "normals": {"class_path": "ctal.losses.Angular"},
        "edges": {
            "class_path": "ctal.losses.BinaryCrossEntropy",
            "init_args": {"positive_weight": "balanced"},
        },
    }
    sections = yaml.safe_load(Path("c.yaml").read_text())
    maps = sections["data"]["train"]["init_args"]["maps"]
    normals = {"task": {"class_path": "ctal.tasks.SurfaceNormals"}, "files": "normals/{name}.npy"}
    edges = [{"class_path": "ctal.data.EdgesFromClasses"}]
    for split in ("train", "val"):
        sections["data"][split]["init_args"] |= {"maps": [*maps, normals], "derived": edges}
    Path("c.yaml").write_text(yaml.safe_dump(sections))
    Path("data/normals").mkdir()
    for file in Path("data/semseg").glob("*.png"):
        vectors = np.zeros((*np.asarray(Image.open(file)).shape, 3), np.float32)
        vectors[..., 2] = -1
        np.save(f"data/normals/{file.stem}.npy", vectors)
    losses = [{}, {"normals": chosen["normals"]}, {"edges": chosen["edges"]}]
    states = []
    for index, criteria in enumerate(losses):
        assert fit(*with_criteria(**criteria), f"--trainer.default_root_dir=run{index}") == 0
        states.append(checkpoint(f"run{index}/checkpoints/last.ckpt")["state_dict"])
    for state in states[1:]:
        assert any(not torch.equal(value, states[0][name]) for name, value in state.items())
    saved = yaml.safe_load(Path("run2/config.yaml").read_text())["model"]["criteria"]["edges"]
    assert saved["init_args"]["positive_weight"] == "balanced"


def test_a_task_with_one_loss_and_counts_without_a_data_module():
    with pytest.raises(InputError, match=r"criteria\.heat: Heat has one loss only"):
        training_criteria([Heat()], {"heat": BerHu()})
    with pytest.raises(InputError, match=r"criteria\.normals: .*NormalLoss, got BerHu"):
        MultiTaskModule(OwnNet([SurfaceNormals()], channels=2), criteria={"normals": BerHu()})
    balanced = {"semseg": CrossEntropy("balanced")}
    module = MultiTaskModule(OwnNet([SemanticSegmentation(3)], channels=2), criteria=balanced)
    with pytest.raises(InputError, match=r"needs a ctal\.data\.DenseDataModule"):
        module.losses.balance(train_counts(None))
