"""Frozen encoders keep their weights and statistics, always or for some epochs."""

import os
import subprocess
import sys
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


@pytest.fixture
def processes():
    """Leave no group of processes, and no variables that describe one, to other tests."""
    before = dict(os.environ)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    for name in set(os.environ) - set(before):
        del os.environ[name]


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", *arguments])


def weights(path=LAST):
    """Return the weights and statistics of the encoder, and all others."""
    state = checkpoint(path)["state_dict"]
    inside = {name: value for name, value in state.items() if ".encoder.body." in name}
    return inside, {name: value for name, value in state.items() if name not in inside}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_frozen_always_and_for_one_epoch(recwarn):
    decay = ["--model.optimizer=torch.optim.AdamW", "--model.optimizer.weight_decay=0.5"]
    assert fit(FREEZE, *decay) == 0
    assert not [warning for warning in recwarn if "eval mode" in str(warning.message)]
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


def test_trained_after_the_first_epochs(capsys):
    frozen = [FREEZE, "--trainer.callbacks.epochs=1", "--trainer.max_epochs=2"]
    assert fit(*frozen) == 0
    assert "M parameters, encoder frozen for 1 epoch\n" in capsys.readouterr().out
    first, _ = weights("run/checkpoints/best.ckpt")
    assert fit(FREEZE, "--trainer.default_root_dir=good", "--trainer.max_epochs=2") == 0
    start, _ = weights("good/checkpoints/last.ckpt")
    last, _ = weights()
    changed = {name for name in start if not torch.equal(start[name], last[name])}
    assert {name.rpartition(".")[2] for name in changed} >= {"weight", "bias", "running_mean"}
    assert same(start, first) or same(last, first)  # the best epoch is the first or the second


def test_several_processes_require_find_unused_parameters(processes, capsys):
    ddp = ["--trainer.strategy=ddp", "--trainer.devices=1"]
    assert fit(FREEZE, "--trainer.callbacks.epochs=1", *ddp) == 2
    assert "expected ddp_find_unused_parameters_true" in capsys.readouterr().err
    assert fit(FREEZE, *ddp, "--trainer.default_root_dir=good") == 0
    ddp[0] = "--trainer.strategy=ddp_find_unused_parameters_true"
    assert fit(FREEZE, "--trainer.callbacks.epochs=1", *ddp, "--trainer.max_epochs=2") == 0
    start, _ = weights("good/checkpoints/last.ckpt")
    assert not same(start, weights()[0])


def test_processes_keep_the_same_weights_after_the_encoder_is_trained():
    root = str(Path(__file__).parents[2])
    frozen = [FREEZE, "--trainer.callbacks.epochs=1", "--trainer.max_epochs=2"]
    processes = [
        "--trainer.strategy=ddp_find_unused_parameters_true",
        "--trainer.devices=2",
        "--trainer.callbacks+=tests.training.encoder_of_process.WriteWeights",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "ctal", "fit", "--config", "c.yaml", *frozen, *processes],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([f"{root}/src", root])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    states = {
        (rank, epoch): torch.load(f"weights_{rank}_{epoch}.pt", weights_only=True)
        for rank in (0, 1)
        for epoch in (0, 1)
    }
    trained = [name for name in states[0, 0] if name.endswith((".weight", ".bias"))]
    for name in trained:
        for epoch in (0, 1):
            assert torch.equal(states[0, epoch][name], states[1, epoch][name]), name
    body = [name for name in trained if ".body." in name]
    assert any(not torch.equal(states[0, 0][name], states[0, 1][name]) for name in body)


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
def test_user_errors_give_one_line(arguments, named, capsys):
    assert fit(*arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert named in line
