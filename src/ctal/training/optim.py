"""Optimizer and learning rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ctal.compat import made_class
from ctal.errors import InputError
from ctal.training.parameter_groups import ParameterGroups, grouped, rate_scales, scale_rates
from ctal.training.schedules import Cosine, RunSchedule, is_stepped_per_batch, with_length

Interval = Literal["epoch", "step"]
"""Interval at which a schedule is stepped."""

_KEY = "optimization"


class Optimization:
    """Optimization settings of a run: optimizer, parameter groups and schedule.

    Args:
        optimizer: creates the optimizer from the parameters.
        lr_scheduler: creates the schedule from the optimizer; None: `Cosine`.
        groups: settings of the parameter groups; None: a single group.
        interval: when the schedule is stepped; None: every step for `Cosine`, `Polynomial`,
            OneCycleLR and CyclicLR, every epoch for others.
    """

    def __init__(
        self,
        optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None,
        groups: ParameterGroups | None,
        interval: Interval | None,
    ) -> None:
        self.optimizer = optimizer
        self.lr_scheduler = Cosine if lr_scheduler is None else lr_scheduler
        self.groups = groups
        self.interval = interval
        self._name: str | None = None
        self._length: int | None = None  # of the run, if passed to a schedule of torch

    def configure(
        self, module: nn.Module, network: nn.Module, trainer: Trainer
    ) -> tuple[Optimizer, dict[str, Any]]:
        """Return the optimizer, and its schedule as a Lightning scheduler config.

        Raises:
            InputError: The arguments of the optimizer are invalid, the run to resume used another
                optimizer, or the schedule needs the length of a run without an end.
        """
        optimizer = self._make_optimizer(module, network)
        return optimizer, self._make_schedule(optimizer, trainer)

    def state(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint, as plain values."""
        facts = {"interval": self.interval, "length": self._length}
        return {"optimizer": self._name, _KEY: facts}

    def load_state(self, checkpoint: Mapping[str, Any]) -> None:
        """Load the state of the run to resume, to be compared in `configure`."""
        self._name = checkpoint.get("optimizer")
        self._length = (checkpoint.get(_KEY) or {}).get("length")

    def _make_optimizer(self, module: nn.Module, network: nn.Module) -> Optimizer:
        groups = self.groups
        parameters = module.parameters() if groups is None else grouped(module, network, groups)
        try:
            optimizer = self.optimizer(parameters)
        except (TypeError, ValueError) as error:
            raise InputError(f"model.optimizer: {error}") from error
        if groups is not None:
            scale_rates(optimizer)
        name = type(optimizer).__name__
        if self._name not in (None, name):
            raise InputError(
                f"model.optimizer: expected {self._name}, as in the run to resume, got {name}; "
                "keep the optimizer, or start a new run"
            )
        self._name = name
        return optimizer

    def _make_schedule(self, optimizer: Optimizer, trainer: Trainer) -> dict[str, Any]:
        make, kind = self.lr_scheduler, made_class(self.lr_scheduler)
        used: list[int] = []

        def length() -> int:
            used.append(run_length(trainer, self._interval_of(kind)))
            return used[-1]

        scheduler = with_length(make, length, rate_scales(optimizer))(optimizer)
        self.interval = self._interval_of(type(scheduler))
        if isinstance(scheduler, RunSchedule):
            scheduler.fit_to(run_length(trainer, self.interval))
        if self._length is not None and used and used[-1] != self._length:
            raise InputError(
                f"trainer.max_epochs: expected a run of {self._length} {self.interval}s, as in the "
                f"schedule of the run to resume, got {used[-1]}; keep the length, or use "
                "ctal.training.Cosine or Polynomial, which adapt to a new length"
            )
        self._length = used[-1] if used else None
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": self.interval}
        if not isinstance(scheduler, RunSchedule):
            plan["monitor"] = getattr(scheduler, "monitor", "val/loss")
        return plan

    def _interval_of(self, kind: type) -> Interval:
        return self.interval or ("step" if is_stepped_per_batch(kind) else "epoch")


def run_length(trainer: Trainer, interval: Interval) -> int:
    """Return the length of a run in optimizer steps or in epochs.

    Raises:
        InputError: The length of the run is not limited.
    """
    steps = trainer.estimated_stepping_batches if interval == "step" else trainer.max_epochs
    if steps is None or steps == -1 or not math.isfinite(steps):
        raise InputError(
            "trainer.max_epochs: this learning rate schedule needs the length of the run; "
            f"set max_epochs{' or max_steps' if interval == 'step' else ''}, or use another "
            "model.lr_scheduler"
        )
    return int(steps)


class PlateauSteps(Callback):
    """Repeat the step of `ReduceLROnPlateau` that a resumed run would skip.

    Lightning steps the scheduler after writing the checkpoint of the epoch, and does not repeat
    the step when a run resumes from that checkpoint. The checkpoint therefore stores the metric.
    """

    def __init__(self) -> None:
        self._metric: float | None = None

    def state_dict(self) -> dict[str, float | None]:
        """Return the metric of the step that the scheduler has not made yet."""
        return {"metric": self._metric}

    def load_state_dict(self, state_dict: dict[str, float | None]) -> None:
        """Load the metric of the run to resume."""
        self._metric = state_dict["metric"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Step the scheduler with the loaded metric."""
        scheduler, _ = _plateau(trainer)
        if scheduler and self._metric is not None:
            scheduler.step(self._metric)
        self._metric = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the metric for the following checkpoints."""
        scheduler, monitor = _plateau(trainer)
        if scheduler and monitor in trainer.callback_metrics:
            self._metric = float(trainer.callback_metrics[monitor])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Discard the metric, since Lightning has stepped the scheduler with it."""
        self._metric = None


def _plateau(trainer: Trainer) -> tuple[ReduceLROnPlateau | None, str]:
    """Return the `ReduceLROnPlateau` scheduler, if any, and the name of its metric."""
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.scheduler, ReduceLROnPlateau):
            return config.scheduler, config.monitor or ""
    return None, ""
