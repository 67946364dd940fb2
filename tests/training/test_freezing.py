"""A frozen encoder keeps its weights and statistics, for good or for some epochs."""

from pathlib import Path

import pytest
import torch
import yaml
from tests.same_run import checkpoint
from tests.small_classes import write_training

from ctal.cli import main

FREEZE = "--trainer.callbacks+=ctal.training.FreezeEncoder"
LAST = "run/checkpoints/last.ckpt"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=1, logger=False)
    torch.set_num_threads(1)


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", *arguments])


def weights(path=LAST):
    """Weights and statistics of the encoder, and all others."""
    state = checkpoint(path)["state_dict"]
    inside = {name: value for name, value in state.items() if ".encoder.body." in name}
    return inside, {name: value for name, value in state.items() if name not in inside}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_frozen_for_good_and_for_an_epoch():
    decay = ["--model.optimizer=torch.optim.AdamW", "--model.optimizer.weight_decay=0.5"]
    assert fit(FREEZE, *decay) == 0
    first, rest = weights()
    more = ["--ckpt_path=last", "--trainer.max_epochs=2"]
    assert fit(FREEZE, *decay, *more) == 0
    second, moved = weights()
    assert "network.encoder.body.bn1.running_mean" in first
    assert same(first, second)
    assert not same(rest, moved)
    optimizer = checkpoint(LAST)["optimizer_states"][0]
    assert len(optimizer["state"]) < len(optimizer["param_groups"][0]["params"])
    settings = yaml.safe_load(Path("run/config.yaml").read_text())["trainer"]["callbacks"]
    assert settings == [
        {"class_path": "ctal.training.FreezeEncoder", "init_args": {"epochs": None}}
    ]


def test_trained_after_the_first_epochs():
    frozen = [FREEZE, "--trainer.callbacks.epochs=1", "--trainer.max_epochs=2"]
    assert fit(*frozen) == 0
    first, _ = weights("run/checkpoints/best.ckpt")
    assert fit(FREEZE, "--trainer.default_root_dir=good", "--trainer.max_epochs=2") == 0
    start, _ = weights("good/checkpoints/last.ckpt")
    last, _ = weights()
    changed = {name for name in start if not torch.equal(start[name], last[name])}
    assert {name.rpartition(".")[2] for name in changed} >= {"weight", "bias", "running_mean"}
    assert same(start, first) or same(last, first)  # the best epoch is the first or the second


def test_several_processes_need_unused_parameters(capsys):
    ddp = ["--trainer.strategy=ddp", "--trainer.devices=1"]
    assert fit(FREEZE, "--trainer.callbacks.epochs=1", *ddp) == 2
    assert "expected ddp_find_unused_parameters_true" in capsys.readouterr().err
    assert fit(FREEZE, *ddp, "--trainer.default_root_dir=good") == 0
    ddp[0] = "--trainer.strategy=ddp_find_unused_parameters_true"
    assert fit(FREEZE, "--trainer.callbacks.epochs=1", *ddp, "--trainer.max_epochs=2") == 0
    start, _ = weights("good/checkpoints/last.ckpt")
    assert not same(start, weights()[0])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([FREEZE, "--trainer.callbacks.epochs=0"], "FreezeEncoder.epochs: expected an integer >="),
        (
            ["--trainer.callbacks=lightning.pytorch.callbacks.BackboneFinetuning"],
            "use ctal.training.FreezeEncoder",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments, named, capsys):
    assert fit(*arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert named in line
