"""Runs with all optimization options resume bit-identical after a kill or a stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tests.same_run import assert_same_checkpoint, checkpoint
from tests.small_classes import write_training

from ctal.cli import main

TORCH = "torch.optim.lr_scheduler"
SCHEDULES = {
    "cosine": {
        "lr_scheduler": {"class_path": "ctal.training.Cosine", "init_args": {"warmup": 3}},
    },
    "poly": {
        "lr_scheduler": {"class_path": "ctal.training.Polynomial", "init_args": {"power": 0.9}},
        "lr_interval": "epoch",
    },
    "one cycle": {
        "lr_scheduler": {"class_path": f"{TORCH}.OneCycleLR", "init_args": {"max_lr": 0.01}},
    },
    "sequence": {
        "lr_scheduler": {
            "class_path": "ctal.training.SequentialLR",
            "init_args": {
                "schedulers": [
                    {"class_path": f"{TORCH}.LinearLR", "init_args": {"total_iters": 3}},
                    {"class_path": f"{TORCH}.CosineAnnealingLR", "init_args": {"T_max": -1}},
                ],
                "milestones": [3],
            },
        },
        "lr_interval": "step",
    },
}
CALLBACKS = [
    {"class_path": "ctal.training.FreezeEncoder", "init_args": {"epochs": 1}},
    {"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.5}},
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # two steps per epoch
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=4, gradient_clip_val=0.5, logger=False)
    torch.set_num_threads(1)


def options(schedule):
    """Write the options to a file, and return the arguments of a run with them."""
    groups = {"encoder_lr_scale": 0.5, "encoder_weight_decay": 0.1, "decay_norms_and_biases": False}
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.001}}
    model = {"parameter_groups": groups, "optimizer": optimizer, **SCHEDULES[schedule]}
    content = {"model": model, "trainer": {"callbacks": CALLBACKS}}
    Path("options.yaml").write_text(yaml.safe_dump(content))
    return ["fit", "--config", "c.yaml", "--config", "options.yaml"]


def sending(number, step):
    callback = "--trainer.callbacks+=tests.send_signal.SendSignal"
    return [
        callback,
        f"--trainer.callbacks.number={int(number)}",
        f"--trainer.callbacks.step={step}",
    ]


def assert_resumes(command):
    assert main([*command, "--ckpt_path=last"]) == 0
    assert main([*command, "--trainer.default_root_dir=whole"]) == 0
    for name in ("best", "last"):
        paths = [f"{run}/checkpoints/{name}.ckpt" for run in ("run", "whole")]
        assert_same_checkpoint(*paths)
    scores = [Path(run, "scores_val.json").read_text() for run in ("run", "whole")]
    assert scores[0].replace('"run/', '"whole/') == scores[1]


def test_a_killed_run():
    command = options("cosine")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "ctal", *command, *sending(signal.SIGKILL, step=5)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([f"{root}/src", root])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert checkpoint("run/checkpoints/last.ckpt")["global_step"] == 4
    assert_resumes(command)
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    assert settings["trainer"]["gradient_clip_val"] == 0.5
    assert settings["trainer"]["callbacks"][0]["init_args"] == {"epochs": 1}
    assert settings["model"]["parameter_groups"]["encoder_weight_decay"] == 0.1
    assert settings["model"]["lr_scheduler"]["init_args"]["warmup"] == 3


# stopped while the encoder is frozen, and after
@pytest.mark.parametrize(
    ("schedule", "step"), [("poly", 0), ("one cycle", 4), ("sequence", 0), ("sequence", 4)]
)
@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter")
def test_a_stopped_run(schedule, step):
    command = options(schedule)
    assert main([*command, *sending(signal.SIGINT, step)]) == 130
    assert checkpoint("run/checkpoints/last.ckpt")["global_step"] == step + 1
    assert_resumes(command)


def test_gradients_are_clipped_to_the_norm():
    sgd = ["--model.optimizer=torch.optim.SGD", "--model.optimizer.lr=1"]
    constant = [f"--model.lr_scheduler={TORCH}.ConstantLR", "--model.lr_scheduler.factor=1"]
    watched = ["--trainer.callbacks=tests.training.weights_of_steps.WeightsOfSteps"]
    from tests.training.weights_of_steps import WeightsOfSteps

    norms = []
    for limit in (0.5, 0.1):
        clip = [f"--trainer.gradient_clip_val={limit}", f"--trainer.default_root_dir=run{limit}"]
        once = ["--trainer.max_epochs=1"]
        command = ["fit", "--config", "c.yaml", *sgd, *constant, *watched, *clip, *once]
        assert main(command) == 0
        names = [name for name in WeightsOfSteps.seen[0] if name.endswith((".weight", ".bias"))]
        one, two = WeightsOfSteps.seen[:2]
        squares = [(two[name] - one[name]).square().sum() for name in names]
        norms.append(float(sum(squares) ** 0.5))
    assert norms == pytest.approx([0.5, 0.1], rel=1e-2)
