"""The optimizer and the course of its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

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
    # from the step alone, so that a run that is resumed to be longer follows the longer cosine
    cosine = LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * min(1, step / steps))) / 2)
    return {"scheduler": cosine, "interval": "step"}
