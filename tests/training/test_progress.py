"""Progress of real trainings and evaluations, on generated data."""

import re
from types import SimpleNamespace

import pytest

from ctal import cli
from ctal.io.progress import SHOW_BAR
from ctal.training.progress import Progress, training_batches, with_progress

FIT = ["fit", "--config", "single.yaml", "--trainer.default_root_dir=run"]
FIT += ["--trainer.max_epochs=2", "--trainer.enable_model_summary=false"]
FIT += ["--trainer.enable_progress_bar=true"]


def test_lines_of_a_training_and_of_its_scores(configs, capsys):
    assert cli.main(FIT) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("training: epoch 1/2, step 1/2, loss ")
    assert lines[-2].startswith("training: 4 steps, loss ")  # the scores of the last epoch
    assert re.search(r", semseg [\d.]+ %, depth [\d.]+ m$", lines[-2])
    assert lines[-1].startswith("scoring val: batch 1/1")
    assert cli.main(["test", "--config", "run/config.yaml"]) == 0
    assert capsys.readouterr().err.splitlines() == ["scoring test: batch 1/2"]


def test_one_bar_for_all_epochs_with_scores_of_val(configs, capsys, monkeypatch):
    monkeypatch.setenv(SHOW_BAR, "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("ctal.io.progress._DETAIL_SECONDS", 0)
    assert cli.main(FIT) == 0
    states = capsys.readouterr().err.split("\r")
    bars = [state for state in states if state.startswith("training")]
    assert any("100%" in state and "epoch 2/2, step 2/2, loss " in state for state in bars)
    assert any("epoch 1/2, validation batch 1/1, loss " in state for state in bars)
    assert any("epoch 2/2" in s and "semseg " in s and "depth " in s for s in bars)
    assert not any("semseg" in state for state in bars if "epoch 1/2" in state)
    assert sum("\n" in state for state in bars) == 1


def test_a_resumed_training_continues_its_bar(configs, capsys, monkeypatch):
    assert cli.main(FIT) == 0
    monkeypatch.setenv(SHOW_BAR, "1")
    capsys.readouterr()
    assert cli.main([*FIT, "--trainer.max_epochs=4", "--ckpt_path=last"]) == 0
    assert "training  50%|████    | [" in capsys.readouterr().err


def test_no_progress_if_turned_off(configs, capsys):
    assert cli.main([*FIT, "--trainer.enable_progress_bar=false"]) == 0
    assert "step" not in capsys.readouterr().err


def test_a_bar_of_the_user_replaces_it():
    given = Progress()
    assert with_progress(SimpleNamespace(callbacks=[given], enable_progress_bar=None)) == [given]
    off = SimpleNamespace(callbacks=None, enable_progress_bar=False)
    assert with_progress(off) == []
    (own,) = with_progress(SimpleNamespace(callbacks=None, enable_progress_bar=None))
    assert isinstance(own, Progress)


@pytest.mark.parametrize(
    ("epochs", "steps", "batches", "expected"),
    [
        (3, -1, 10, 30),
        (3, 20, 10, 20),  # of 1 batch each
        (-1, 7, 10, 7),
        (None, -1, 10, None),
        (3, -1, float("inf"), None),
    ],
)
def test_batches_of_a_whole_training(epochs, steps, batches, expected):
    trainer = SimpleNamespace(
        max_epochs=epochs, max_steps=steps, num_training_batches=batches, accumulate_grad_batches=1
    )
    assert training_batches(trainer) == expected
