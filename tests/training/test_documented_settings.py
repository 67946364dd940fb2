"""Each setting of docs/train.md builds a training."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from tests.small_classes import write_training

from ctal.training.dry_run import rehearsed_settings

PAGE = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:.*\n)*?)(?=## |\Z)", PAGE, flags=re.MULTILINE))
MINE = SECTIONS["Optimizer, schedule, freezing, EMA"]
ROWS = re.findall(r"^\| .+ \| `(--.+)` \|$", MINE, flags=re.MULTILINE)
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", MINE, flags=re.MULTILINE | re.DOTALL)


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
