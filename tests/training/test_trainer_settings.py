"""Settings and callbacks of Lightning's trainer, through the command line."""

import re

import pytest
from tests.small_classes import write_training

from ctal.cli import main


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Change to a directory with four samples of 32x32 pixels and config.yaml."""
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "config.yaml", (32, 32), max_epochs=2, log_every_n_steps=1)
    return tmp_path


def fit(*args):
    return main(["fit", "--config", "config.yaml", *args])


@pytest.mark.parametrize(
    "setting",
    ["overfit_batches=1", "overfit_batches=0.5", "limit_train_batches=1", "limit_val_batches=1"],
)
def test_training_on_a_part_of_the_data(setting, place):
    assert fit(f"--trainer.{setting}") == 0
    assert (place / "run" / "checkpoints" / "best.ckpt").is_file()


def test_fast_dev_run_writes_nothing_and_says_so(place, capsys):
    assert fit("--trainer.fast_dev_run=true") == 0
    assert not (place / "run").exists()
    assert capsys.readouterr().err.endswith("without an error; nothing was saved\n")


STOPPING = "trainer.callbacks=lightning.pytorch.callbacks.EarlyStopping"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            [STOPPING, "monitor=val/score", "mode=max", "patience=1", "min_delta=1000"],
            "stopped early, after epoch 2: val/score has not improved in 1 validation\n",
        ),
        (
            [STOPPING, "monitor=val/loss", "stopping_threshold=1000"],
            "stopped early, after epoch 1: Stopping threshold reached: val/loss = ",
        ),
        (
            ["trainer.max_time=00:00:00:01"],
            r"stopped early, after \d+ steps: the time limit is reached\n",
        ),
    ],
)
def test_the_reason_of_an_early_end_is_printed(args, line, place, capsys):
    first, *others = args
    options = [f"--{first}", *(f"--trainer.callbacks.{other}" for other in others)]
    assert fit("--trainer.max_epochs=5000", *options) == 0
    assert re.search(line, capsys.readouterr().err)


CALLBACKS = "--trainer.callbacks=lightning.pytorch.callbacks."
SCHEDULE = "--model.lr_scheduler=torch.optim.lr_scheduler."
ONE_CYCLE = [f"{SCHEDULE}OneCycleLR", "--model.lr_scheduler.max_lr=0.1"]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--trainer.check_val_every_n_epoch=5"], "trainer.check_val_every_n_epoch"),
        (["--trainer.limit_val_batches=0"], "trainer.limit_val_batches"),
        (["--trainer.limit_train_batches=0"], "trainer.limit_train_batches"),
        (["--trainer.max_epochs=0"], "trainer.max_epochs"),
        ([f"{CALLBACKS}EarlyStopping", "--trainer.callbacks.monitor=val/nope"], "val/score"),
        ([f"{CALLBACKS}ModelCheckpoint", "--trainer.callbacks.monitor=val/nope"], "val/score"),
        ([f"{CALLBACKS}LearningRateFinder"], "LearningRateFinder is not supported"),
        ([f"{CALLBACKS}BatchSizeFinder"], "data.batch_size"),
    ],
)
def test_user_errors_are_reported_before_the_first_epoch(args, named, place, capsys):
    assert fit(*args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
    assert not (place / "run" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--trainer.max_steps=1"], "before its first validation"),
        ([f"{SCHEDULE}StepLR", "--model.lr_scheduler.step_size=0"], "model.lr_scheduler: "),
        ([*ONE_CYCLE, "--model.lr_scheduler.pct_start=2"], "model.lr_scheduler: "),
        (["--model.optimizer=torch.optim.LBFGS"], "model.optimizer: "),
        (["--model.optimizer=torch.optim.SparseAdam"], "model.optimizer: "),
    ],
)
def test_an_unsupported_optimizer_gives_a_one_line_error(args, named, capsys):
    assert fit(*args) == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("monitor", [[], [f"{CALLBACKS}LearningRateMonitor"]])
def test_a_run_of_one_epoch_logs_images_and_the_learning_rate(monitor, place):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert fit("--trainer.max_epochs=1", *monitor) == 0
    logged = events.EventAccumulator(str(place / "run"))
    logged.Reload()
    assert logged.Tags()["images"] == ["val/predictions"]
    # two steps of the cosine from 0.001 to 0
    rates = [event.value for event in logged.Scalars("train/learning_rate")]
    assert rates == pytest.approx([0.001, 0.0005])
    assert ("lr-Adam" in logged.Tags()["scalars"]) == bool(monitor)


def test_a_logged_metric_can_be_monitored():
    monitor = "--trainer.callbacks.monitor=val/semseg/miou"
    assert fit(f"{CALLBACKS}EarlyStopping", monitor) == 0
