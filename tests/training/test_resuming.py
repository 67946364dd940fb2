"""Settings given on resuming are used or rejected, and never silently ignored."""

import math
import shutil
from pathlib import Path
from typing import ClassVar

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from tests.small_classes import write_training

from ctal.cli import main

STEP_LR = [
    "--model.lr_scheduler=torch.optim.lr_scheduler.StepLR",
    "--model.lr_scheduler.step_size=1",
    "--model.lr_scheduler.gamma=0.5",
]
STOPPING = [
    "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping",
    "--trainer.callbacks.monitor=val/loss",
]


class Rates(Callback):
    """Record the learning rate of every step."""

    seen: ClassVar[list[float]] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Create a directory with data and a run of one epoch."""
    root = tmp_path_factory.mktemp("trained")
    write_training(root, "c.yaml", (32, 64), max_epochs=1, logger=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert fit() == 0
    return root


@pytest.fixture(autouse=True)
def copy(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", *arguments])


def resume(*arguments):
    return fit("--ckpt_path=last", *arguments)


def without_description():
    """Convert the checkpoint to one of a version that did not save its settings."""
    content = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    del content["ctal_run"]
    torch.save(content, "run/checkpoints/last.ckpt")


def assert_refused(capsys, message, *arguments):
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert resume("--trainer.max_epochs=2", *arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith(f"error: {message}, as in the run to resume, got "), line
    after = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--model.optimizer.lr=0.05", "model.optimizer.init_args.lr: expected 0.001"),
        (
            "--model.optimizer.weight_decay=0.5",
            "model.optimizer.init_args.weight_decay: expected 0.0001",
        ),
        (
            "--model.optimizer.betas=[0.8, 0.9]",
            "model.optimizer.init_args.betas: expected [0.9, 0.999]",
        ),
        ("--seed_everything=1", "seed_everything: expected 0"),
    ],
)
@pytest.mark.parametrize("described", [True, False])
def test_values_overwritten_by_the_checkpoint(argument, message, described, capsys):
    if not described:
        without_description()
    assert_refused(capsys, message, argument)


def test_another_optimizer_or_schedule(capsys):
    optimizer = ("--model.optimizer=torch.optim.AdamW", "--model.optimizer.lr=0.001")
    message = "model.optimizer.class_path: expected torch.optim.Adam"
    assert_refused(capsys, message, *optimizer)
    without_description()
    assert_refused(capsys, "model.optimizer.class_path: expected Adam", *optimizer)


def test_a_schedule_in_place_of_the_default(capsys):
    assert_refused(capsys, "model.lr_scheduler.class_path: expected None", *STEP_LR)


@pytest.mark.parametrize("described", [True, False])
def test_another_argument_of_the_schedule(described, capsys):
    shutil.rmtree("run")
    assert fit(*STEP_LR) == 0
    if not described:
        without_description()
    other = [*STEP_LR[:2], "--model.lr_scheduler.gamma=0.1"]
    assert_refused(capsys, "model.lr_scheduler.init_args.gamma: expected 0.5", *other)


def test_a_callback_argument_overwritten_by_its_state(capsys):
    shutil.rmtree("run")
    assert fit(*STOPPING, "--trainer.callbacks.patience=5") == 0
    message = "trainer.callbacks: patience of EarlyStopping: expected 5"
    assert_refused(capsys, message, *STOPPING, "--trainer.callbacks.patience=7")


def test_a_batch_size_that_would_change_the_position_in_the_schedule(capsys):
    assert_refused(capsys, "data.batch_size: expected 2", "--data.batch_size=4")
    message = "trainer.accumulate_grad_batches: expected 1"
    assert_refused(capsys, message, "--trainer.accumulate_grad_batches=2")


def test_smaller_batches_with_as_many_images_per_step_are_used():
    sizes = ["--data.batch_size=1", "--trainer.accumulate_grad_batches=2"]
    assert resume("--trainer.max_epochs=2", *sizes) == 0
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    assert settings["data"]["batch_size"] == 1
    last = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 4  # two epochs of two steps
    assert last["ctal_run"]["data.batch_size"] == 1


def test_a_batch_size_is_used_with_a_schedule_of_epochs():
    shutil.rmtree("run")
    assert fit(*STEP_LR) == 0
    assert resume("--trainer.max_epochs=2", *STEP_LR, "--data.batch_size=4") == 0
    last = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 3  # an epoch of two steps, an epoch of one
    assert last["ctal_run"]["data.batch_size"] == 4


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ([], "max_epochs=1"),
        (["--trainer.max_steps=1", "--trainer.max_epochs=5"], "max_steps=1"),
        (["--trainer.max_steps=1", "--trainer.max_epochs=-1"], "max_steps=1"),
    ],
)
def test_a_finished_run_is_not_trained_further_and_says_so(limits, named, capsys):
    assert resume(*limits) == 0
    printed = capsys.readouterr().err
    assert f"already trained up to trainer.{named}; increase it to train longer\n" in printed
    assert "resuming in epoch" not in printed


@pytest.mark.parametrize("described", [True, False])
def test_a_finished_run_with_more_epochs_follows_the_longer_cosine(described):
    if not described:
        without_description()
    Rates.seen = []
    rates = f"--trainer.callbacks={__name__}.Rates"
    assert resume("--trainer.max_epochs=2", rates) == 0
    # steps 2 and 3 of 4
    expected = [0.001 * (1 + math.cos(math.pi * step / 4)) / 2 for step in (2, 3)]
    assert Rates.seen == pytest.approx(expected)
    assert yaml.safe_load(Path("run/config.yaml").read_text())["trainer"]["max_epochs"] == 2


def test_a_checkpoint_is_evaluated_with_any_optimizer():
    arguments = ["--ckpt_path=last", "--model.optimizer.lr=0.05"]
    assert main(["validate", "--config", "c.yaml", *arguments]) == 0
