"""Schedules through the command line, compared with hand-computed learning rates."""

import math
from pathlib import Path
from typing import ClassVar

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from tests.small_classes import write_training
from torch.optim.lr_scheduler import OneCycleLR

from ctal.cli import main
from ctal.errors import InputError
from ctal.training.schedules import Cosine, Polynomial

STEPS = 8  # 4 epochs of 2 steps
MODEL = "--model.lr_scheduler"
TORCH = "torch.optim.lr_scheduler"


class Rates(Callback):
    """Record the learning rate of each group at every step."""

    seen: ClassVar[list[tuple[float, ...]]] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        groups = trainer.optimizers[0].param_groups
        self.seen.append(tuple(group["lr"] for group in groups))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=4, logger=False)
    Rates.seen = []


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", f"--trainer.callbacks+={__name__}.Rates", *arguments])


def schedule(**model):
    """Write a second config file, and return the arguments that use it."""
    Path("schedule.yaml").write_text(yaml.safe_dump({"model": model}))
    return ["--config", "schedule.yaml"]


def rates():
    return [first / 1e-3 for first, *_ in Rates.seen]


def cosine(progress):
    return (1 + math.cos(math.pi * progress)) / 2


def test_warm_up_then_cosine():
    arguments = {"warmup": 3, "final": 0.1}
    assert (
        fit(*schedule(lr_scheduler={"class_path": "ctal.training.Cosine", "init_args": arguments}))
        == 0
    )
    rise = [1 / 4, 2 / 4, 3 / 4]
    fall = [0.1 + 0.9 * cosine(step / 5) for step in range(5)]
    assert rates() == pytest.approx(rise + fall)
    settings = yaml.safe_load(Path("run/config.yaml").read_text())["model"]["lr_scheduler"]
    assert settings == {"class_path": "ctal.training.Cosine", "init_args": arguments}


def test_poly_by_step_and_by_epoch():
    poly = {"class_path": "ctal.training.Polynomial", "init_args": {"power": 2.0}}
    assert fit(*schedule(lr_scheduler=poly)) == 0
    assert rates() == pytest.approx([(1 - step / STEPS) ** 2 for step in range(STEPS)])
    Rates.seen = []
    by_epoch = ["--trainer.default_root_dir=other", "--model.lr_interval=epoch"]
    assert fit(*schedule(lr_scheduler=poly), *by_epoch) == 0
    assert rates() == pytest.approx([(1 - step // 2 / 4) ** 2 for step in range(STEPS)])


def test_one_cycle_gets_the_length_of_the_run():
    assert fit(f"{MODEL}={TORCH}.OneCycleLR", f"{MODEL}.max_lr=0.01") == 0
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(()))])
    reference = OneCycleLR(optimizer, 0.01, total_steps=STEPS)
    expected = []
    for _ in range(STEPS):
        expected.append(optimizer.param_groups[0]["lr"] / 1e-3)
        optimizer.step()
        if len(expected) < STEPS:
            reference.step()
    assert rates() == pytest.approx(expected)


def test_one_cycle_keeps_the_ratio_of_parameter_groups():
    groups = "--model.parameter_groups.encoder_lr_scale=0.1"
    assert fit(f"{MODEL}={TORCH}.OneCycleLR", f"{MODEL}.max_lr=0.01", groups) == 0
    assert max(rest for rest, _ in Rates.seen) > 0.009
    assert [encoder / rest for rest, encoder in Rates.seen] == pytest.approx([0.1] * STEPS)


@pytest.mark.parametrize(("interval", "length"), [(None, 4), ("step", 8)])
def test_a_length_of_a_torch_schedule_from_the_trainer(interval, length):
    annealing = {"class_path": f"{TORCH}.CosineAnnealingLR", "init_args": {"T_max": -1}}
    assert fit(*schedule(lr_scheduler=annealing, lr_interval=interval)) == 0
    done = [step if interval else step // 2 for step in range(STEPS)]
    assert rates() == pytest.approx([cosine(step / length) for step in done])


def test_schedules_in_sequence():
    linear = {"start_factor": 0.25, "total_iters": 3}
    parts = [
        {"class_path": f"{TORCH}.LinearLR", "init_args": linear},
        {"class_path": f"{TORCH}.CosineAnnealingLR", "init_args": {"T_max": -1}},
    ]
    sequence = {"schedulers": parts, "milestones": [3]}
    settings = {"class_path": "ctal.training.SequentialLR", "init_args": sequence}
    assert fit(*schedule(lr_scheduler=settings, lr_interval="step")) == 0
    rise = [0.25 + 0.75 * step / 3 for step in range(3)]
    assert rates() == pytest.approx(rise + [cosine(step / 5) for step in range(5)])


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_longer_run_follows_the_longer_schedule_or_is_rejected(capsys):
    poly = {"class_path": "ctal.training.Polynomial", "init_args": {"power": 1.0}}
    more = ["--ckpt_path=last", "--trainer.max_epochs=5"]
    assert fit(*schedule(lr_scheduler=poly)) == 0
    Rates.seen = []
    assert fit(*schedule(lr_scheduler=poly), *more) == 0
    assert rates() == pytest.approx([1 - 8 / 10, 1 - 9 / 10])
    annealing = {"class_path": f"{TORCH}.CosineAnnealingLR", "init_args": {"T_max": -1}}
    other = [*schedule(lr_scheduler=annealing), "--trainer.default_root_dir=other"]
    assert fit(*other) == 0
    capsys.readouterr()
    assert fit(*other, *more) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("error: trainer.max_epochs: expected a run of 4 epochs"), line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([f"{MODEL}=ctal.training.Cosine", f"{MODEL}.warmup=-1"], "warmup: expected an integer"),
        ([f"{MODEL}=ctal.training.Cosine", f"{MODEL}.warmup=8"], "length of the run (8), got 8"),
        ([f"{MODEL}=ctal.training.Cosine", f"{MODEL}.final=2"], "final: expected a number in 0..1"),
        ([f"{MODEL}=ctal.training.Polynomial", f"{MODEL}.power=0"], "power: expected a number"),
        ([f"{MODEL}=ctal.training.Polynomial", "--trainer.max_epochs=-1"], "length of the run"),
    ],
)
def test_an_invalid_schedule_gives_a_one_line_error(arguments, named, capsys):
    assert fit(*arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert named in line


def test_a_schedule_starts_at_the_learning_rate_of_the_optimizer():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=0.5)
    Cosine(optimizer).fit_to(10)
    assert optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(InputError, match="warmup: expected less than"):
        Polynomial(optimizer, warmup=10).fit_to(10)
