"""Settings of docs/train.md are valid."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from tests.small_classes import write_training

import ctal.losses
from ctal.tasks import Depth, Edges, SemanticSegmentation, SurfaceNormals
from ctal.training.dry_run import rehearsed_settings

PAGE = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:.*\n)*?)(?=## |\Z)", PAGE, flags=re.MULTILINE))
MINE = SECTIONS["Optimizer, schedule, freezing, EMA"]
ROWS = re.findall(r"^\| .+ \| `(--.+)` \|$", MINE, flags=re.MULTILINE)
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", MINE, flags=re.MULTILINE | re.DOTALL)
LOSSES = SECTIONS["Losses"]
CALLS = re.findall(r"`((?:[A-Z]\w+)\([^`]*\))`", LOSSES)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=1, logger=False)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_accepted(row):
    assert len(ROWS) == 12
    assert rehearsed_settings(["fit", "--config", "c.yaml", *shlex.split(row)], "c.yaml")


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_accepted(block):
    Path("block.yaml").write_text(block)
    found = rehearsed_settings(["fit", "--config", "c.yaml", "--config", "block.yaml"], "c.yaml")
    expected = yaml.safe_load(block)["model"]["lr_scheduler"]["class_path"]
    assert found["model"]["lr_scheduler"]["class_path"] == expected


def test_the_first_configuration():
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```", SECTIONS["Train a network"], flags=re.MULTILINE | re.DOTALL
    )
    Path("model.yaml").write_text(block.replace("pretrained: true", "pretrained: false"))
    content = yaml.safe_load(Path("c.yaml").read_text())
    Path("photos.yaml").write_text(yaml.safe_dump({"data": content["data"]}))
    args = ["fit", "--config", "model.yaml", "--config", "photos.yaml"]
    found = rehearsed_settings(args, "model.yaml")
    assert found["model"]["network"]["class_path"] == "ctal.networks.MultiScaleCTALNet"
    assert found["trainer"]["default_root_dir"] == "runs/mine"


def test_losses_in_the_task_and_by_task():
    task, model = re.findall(r"^```yaml\n(.*?)^```", LOSSES, flags=re.MULTILINE | re.DOTALL)
    content = yaml.safe_load(Path("c.yaml").read_text())
    depth = {"task": {"class_path": "ctal.tasks.Depth"}, "files": "semseg/{name}.png", "scale": 1}
    for split in ("train", "val"):
        maps = content["data"][split]["init_args"]["maps"]
        maps[0] |= yaml.safe_load(task)
        content["data"][split]["init_args"]["maps"] = [maps[0], depth]
    Path("c.yaml").write_text(yaml.safe_dump(content))
    Path("model.yaml").write_text(model)
    found = rehearsed_settings(["fit", "--config", "c.yaml", "--config", "model.yaml"], "c.yaml")
    assert found["model"]["criteria"]["depth"]["init_args"] == {"share": 0.2}
    saved = found["data"]["train"]["init_args"]["maps"][0]["task"]["init_args"]["criterion"]
    assert saved["init_args"]["class_weights"] == "balanced"


def test_losses_of_the_table_exist_in_a_task():
    assert len(CALLS) == 18
    tasks = {
        ctal.losses.ClassLoss: lambda loss: SemanticSegmentation(5, criterion=loss),
        ctal.losses.DepthLoss: lambda loss: Depth(criterion=loss),
        ctal.losses.NormalLoss: lambda loss: SurfaceNormals(criterion=loss),
        ctal.losses.BinaryLoss: lambda loss: Edges(criterion=loss),
    }
    used = set()
    names = vars(ctal.losses)
    for call in CALLS:
        loss = eval(call, dict(names))  # noqa: S307 - text of this repository
        (kind,) = [kind for kind in tasks if isinstance(loss, kind)]
        assert tasks[kind](loss).criterion is loss
        used.add(kind)
    assert used == set(tasks)
