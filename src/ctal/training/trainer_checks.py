"""Checks of the trainer's settings and callbacks, before the first epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    EarlyStopping,
    LearningRateFinder,
    ModelCheckpoint,
)

from ctal.errors import InputError
from ctal.evaluation.metric_info import measures
from ctal.tasks import Task

_REFUSED = {
    LearningRateFinder: "set the learning rate of model.optimizer",
    # config.yaml would hold another batch size than the one used
    BatchSizeFinder: "set data.batch_size",
    BackboneFinetuning: "use ctal.training.FreezeEncoder and model.parameter_groups",
}


def check_intervals(settings: Mapping[str, Any]) -> None:
    """Check that intervals of the trainer, in batches and epochs, are at least 1.

    Raises:
        InputError: one of them is below 1.
    """
    for key in ("accumulate_grad_batches", "check_val_every_n_epoch"):
        if settings[key] is not None and settings[key] < 1:
            raise InputError(f"trainer.{key}: expected an integer >= 1, got {settings[key]}")


def check_trainer(trainer: Trainer, tasks: Sequence[Task], *, validating: bool) -> None:
    """Check that a training validates and that its callbacks can work.

    Args:
        trainer: the trainer.
        tasks: tasks of the network.
        validating: whether there is a val split.

    Raises:
        InputError: the training would never validate, a callback is not supported, or it monitors
            a metric that is not logged.
    """
    if validating:
        _check_validates(trainer)
    names = logged_metrics(tasks, validating=validating)
    callbacks = callbacks_of(trainer)
    # user callbacks may log further metrics
    known = all(type(each).__module__.startswith(("lightning.", "ctal.")) for each in callbacks)
    for callback in callbacks:
        for kind, advice in _REFUSED.items():
            if isinstance(callback, kind):
                raise InputError(f"trainer.callbacks: {kind.__name__} is not supported; {advice}")
        if not (known and isinstance(callback, EarlyStopping | ModelCheckpoint)):
            continue
        monitor = callback.monitor
        if isinstance(callback, EarlyStopping) and not callback.strict:
            continue
        if monitor is None or monitor in ("epoch", "step") or monitor.startswith("lr-"):
            continue
        if monitor not in names:
            raise InputError(
                f"trainer.callbacks: {type(callback).__name__}.monitor: expected one of "
                f"{', '.join(names)}, got {monitor!r}"
            )


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a trainer, an attribute that its class does not declare."""
    return list(getattr(trainer, "callbacks", []))


def logged_metrics(tasks: Sequence[Task], *, validating: bool) -> list[str]:
    """Return the names of the metrics that a training on `tasks` logs."""
    names = ["train/loss", *(f"train/{task.name}" for task in tasks)]
    names += [f"train/weight/{task.name}" for task in tasks]
    if validating:
        names += ["val/score", "val/loss", *(f"val/{each.key}" for each in measures(tasks))]
    return names


def _check_validates(trainer: Trainer) -> None:
    advice = "or leave out data.val to train without validation"
    for key in ("max_epochs", "max_steps", "limit_train_batches", "limit_val_batches"):
        if getattr(trainer, key) == 0:
            raise InputError(f"trainer.{key}: expected a number above 0, got 0; change it {advice}")
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every is not None and epochs is not None and 0 < epochs < every:
        raise InputError(
            f"trainer.check_val_every_n_epoch: expected max_epochs ({epochs}) or less, got "
            f"{every}: the training would never validate; change it {advice}"
        )


def listed(value: Any) -> list[Any]:
    """Return a setting that is a value, a list or None as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
