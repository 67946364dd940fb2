"""The optimizer and the course of its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from ctal.errors import InputError


def make_optimizer(
    make: OptimizerCallable, parameters: Iterable[nn.Parameter], resumed: str | None
) -> Optimizer:
    """The optimizer of some parameters.

    Args:
        make: makes it.
        parameters: the parameters.
        resumed: the name of the optimizer of the run to be resumed, if there is one.

    Raises:
        InputError: it refuses its arguments, or is not that of the run to be resumed.
    """
    try:
        optimizer = make(parameters)
    except (TypeError, ValueError) as error:
        raise InputError(f"model.optimizer: {error}") from error
    name = type(optimizer).__name__
    if resumed not in (None, name):
        raise InputError(
            f"model.optimizer: the run to be resumed was trained with {resumed}, got {name}; "
            "keep the optimizer, or start another run"
        )
    return optimizer


def make_schedule(
    make: LRSchedulerCallable | None, optimizer: Optimizer, trainer: Trainer
) -> dict[str, Any]:
    """The learning rate's schedule, in the form that Lightning takes it.

    Args:
        make: makes it, to be stepped each epoch; None: a cosine from the optimizer's rate to 0,
            stepped each batch.
        optimizer: whose rate it sets.
        trainer: which knows the length of the run.

    Raises:
        InputError: the cosine is asked for in a run without an end.
    """
    if make is not None:
        plan: dict[str, Any] = {"scheduler": make(optimizer), "interval": "epoch"}
        plan["monitor"] = getattr(plan["scheduler"], "monitor", "val/loss")
        return plan
    steps = trainer.estimated_stepping_batches
    if not math.isfinite(steps):
        raise InputError(
            "trainer.max_epochs: the cosine schedule needs the length of the run; "
            "give max_epochs or max_steps, or another model.lr_scheduler"
        )
    return {"scheduler": Cosine(optimizer, int(steps)), "interval": "step"}


class Cosine(LambdaLR):
    """Cosine from the optimizer's rate to 0, a function of the step and of the length alone.

    A run that is resumed with more epochs follows the longer cosine from its first step: loading a
    state computes the rates again, since those in the checkpoint of a finished run are 0.

    Args:
        optimizer: the optimizer whose rate it sets, loaded before the state of the schedule.
        steps: the number of steps after which the rate is 0.
    """

    def __init__(self, optimizer: Optimizer, steps: int) -> None:
        super().__init__(optimizer, lambda step: (1 + math.cos(math.pi * min(1, step / steps))) / 2)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the step, and set the rates that belong to it."""
        step = state_dict["last_epoch"]
        pairs = zip(state_dict["base_lrs"], self.lr_lambdas, strict=True)
        rates = [rate * factor(step) for rate, factor in pairs]
        super().load_state_dict({**state_dict, "_last_lr": rates})
        # a callback may have added groups, which the schedule does not set
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


class PlateauSteps(Callback):
    """Makes up for the step of `ReduceLROnPlateau` that a resumed run would leave out.

    Lightning shows it the metric of an epoch after the checkpoint of that epoch was written, and
    does not do so again when a run resumes from there. So the checkpoint holds the metric.
    """

    def __init__(self) -> None:
        self._metric: float | None = None

    def state_dict(self) -> dict[str, float | None]:
        """The metric that the scheduler has not seen yet, kept in every checkpoint."""
        return {"metric": self._metric}

    def load_state_dict(self, state_dict: dict[str, float | None]) -> None:
        """Takes that of the run that is resumed."""
        self._metric = state_dict["metric"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows it."""
        scheduler, _ = _plateau(trainer)
        if scheduler and self._metric is not None:
            scheduler.step(self._metric)
        self._metric = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keeps the metric for the checkpoints of this moment, which are written after this."""
        scheduler, monitor = _plateau(trainer)
        if scheduler and monitor in trainer.callback_metrics:
            self._metric = float(trainer.callback_metrics[monitor])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forgets it: Lightning has shown it by now."""
        self._metric = None


def _plateau(trainer: Trainer) -> tuple[ReduceLROnPlateau | None, str]:
    """The scheduler of that kind, if there is one, and the name of its metric."""
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.scheduler, ReduceLROnPlateau):
            return config.scheduler, config.monitor or ""
    return None, ""
