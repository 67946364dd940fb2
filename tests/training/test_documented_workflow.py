"""Rows and the sweep of docs/train.md about running, resuming and logging."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.small_classes import write_training

from ctal.cli import main
from ctal.training.dry_run import rehearsed_settings

PAGE = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:.*\n)*?)(?=## |\Z)", PAGE, flags=re.MULTILINE))
TABLES = SECTIONS["Run, resume, log"] + SECTIONS["Several processes"]
ROWS = re.findall(r"^\| .+ \| `(--[^`]+)` \|$", TABLES, flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "my.yaml", (32, 32), max_epochs=1, logger=False)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_accepted(row):
    assert len(ROWS) == 10
    words = shlex.split(row.replace("--trainer.accelerator gpu", ""))  # there may be none
    assert rehearsed_settings(["fit", "--config", "my.yaml", *words], "my.yaml")


def test_the_commands_that_resume(tmp_path):
    command = ["fit", "--config", "my.yaml", "--trainer.default_root_dir", "runs/x"]
    assert main(command) == 0
    (resume,) = re.findall(r"`ctal (fit --config runs/x/config.yaml .*?)`", TABLES)
    (longer,) = re.findall(r"the same with `(--trainer.max_epochs) 80`", TABLES)
    training = tmp_path / "runs/x/training.json"
    steps = json.loads(training.read_text())["steps"]
    assert main([*shlex.split(resume), longer, "2"]) == 0
    assert json.loads(training.read_text())["steps"] == 2 * steps


def test_the_sweep():
    pytest.importorskip("optuna", reason="optuna is not installed")
    (script,) = re.findall(r"^```python\n(.*?)^```", SECTIONS["Sweeps"], flags=re.M | re.S)
    namespace = {}
    exec(script.replace("n_trials=10", "n_trials=2"), namespace)
    assert len(namespace["study"].trials) == 2
    assert namespace["study"].best_value >= 0
    assert all(Path(f"runs/sweep/{number}/scores_val.json").is_file() for number in (0, 1))
