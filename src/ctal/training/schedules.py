"""Learning rate schedules that depend on the length of the run."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from lightning.pytorch.cli import LRSchedulerCallable
from torch import Tensor
from torch.optim import Optimizer
from torch.optim import lr_scheduler as torch_schedules
from torch.optim.lr_scheduler import CyclicLR, LambdaLR, OneCycleLR

from ctal.errors import InputError

WHOLE_RUN = -1
"""Length of a torch schedule that means the length of the run."""

_LENGTHS = ("T_max", "total_iters", "total_steps")
_PEAKS = ("max_lr", "base_lr")  # learning rates that replace those of all groups


class RunSchedule(LambdaLR):
    """Base class of schedules that are a function of the step and the length of the run only.

    The learning rate increases linearly during warm-up and then follows `shape`. A run that is
    resumed with more epochs follows the longer schedule from its first step: loading a state
    recomputes the learning rates, since those in the checkpoint of a finished run are 0.

    Args:
        optimizer: the wrapped optimizer; load its state before that of the schedule.
        warmup: length of the warm-up, in steps or epochs (`model.lr_interval`). Its step k = 0, 1,
            ... has (k + 1) / (warmup + 1) of the optimizer's learning rate.
        final: learning rate at the end, as a share of the optimizer's.

    Raises:
        InputError: An argument is out of range.
    """

    def __init__(self, optimizer: Optimizer, warmup: int = 0, final: float = 0.0) -> None:
        if warmup < 0:
            raise InputError(f"model.lr_scheduler: warmup: expected an integer >= 0, got {warmup}")
        if not 0 <= final <= 1:
            raise InputError(f"model.lr_scheduler: final: expected a number in 0..1, got {final}")
        self.warmup = warmup
        self.final = final
        self.length = 0
        super().__init__(optimizer, lambda step: self.factor(step))

    def fit_to(self, length: int) -> None:
        """Set the number of steps after which the learning rate reaches its final value.

        Raises:
            InputError: The warm-up is not shorter than that.
        """
        if self.warmup >= length:
            raise InputError(
                f"model.lr_scheduler: warmup: expected less than the length of the run ({length}), "
                f"got {self.warmup}; shorten the warm-up or train longer"
            )
        self.length = length

    def factor(self, step: int) -> float:
        """Return the learning rate at a step, as a share of the optimizer's."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        over = step - self.warmup
        progress = min(1.0, over / (self.length - self.warmup)) if over else 0.0
        return self.final + (1 - self.final) * self.shape(progress)

    @abstractmethod
    def shape(self, progress: float) -> float:
        """Return the value, decreasing from 1 to 0, for a progress in 0..1."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the arguments, which come from the config on resuming."""
        state = super().state_dict()
        return {key: state[key] for key in state if key not in ("warmup", "final", "length")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the step, and set the corresponding learning rates."""
        step = state_dict["last_epoch"]
        pairs = zip(state_dict["base_lrs"], self.lr_lambdas, strict=True)
        rates = [rate * factor(step) for rate, factor in pairs]
        super().load_state_dict({**state_dict, "_last_lr": rates})
        # a callback may have added groups, which the schedule does not control
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


class Cosine(RunSchedule):
    """Cosine decay over half a period, after an optional warm-up (see `RunSchedule`)."""

    def shape(self, progress: float) -> float:
        """Return (1 + cos(pi progress)) / 2."""
        return (1 + math.cos(math.pi * progress)) / 2


class Polynomial(RunSchedule):
    """Polynomial decay (1 - progress)^power, after an optional warm-up (see `RunSchedule`).

    Args:
        optimizer: the wrapped optimizer.
        power: the power, 0.9 in Chen et al., "DeepLab", TPAMI 2018; 1 is linear.
        warmup: length of the warm-up.
        final: learning rate at the end, as a share of the optimizer's.

    Raises:
        InputError: An argument is out of range.
    """

    def __init__(
        self, optimizer: Optimizer, power: float = 0.9, warmup: int = 0, final: float = 0.0
    ) -> None:
        if not 0 < power < math.inf:
            raise InputError(f"model.lr_scheduler: power: expected a number above 0, got {power}")
        self.power = power
        super().__init__(optimizer, warmup, final)

    def shape(self, progress: float) -> float:
        """Return (1 - progress)^power."""
        return (1 - progress) ** self.power

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the arguments."""
        state = super().state_dict()
        return {key: state[key] for key in state if key != "power"}


class SequentialLR(torch_schedules.SequentialLR):
    """`torch.optim.lr_scheduler.SequentialLR` that can be used in a config.

    Args:
        optimizer: the wrapped optimizer.
        schedulers: the schedules in order; a length of -1 means up to the next milestone or, for
            the last one, the end of the run.
        milestones: the steps or epochs (`model.lr_interval`) at which the next schedule starts.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRSchedulerCallable],
        milestones: list[int],
    ) -> None:
        super().__init__(optimizer, [make(optimizer) for make in schedulers], milestones)


def is_stepped_per_batch(kind: type) -> bool:
    """Return whether schedules of a class are stepped after each batch by default."""
    return issubclass(kind, (RunSchedule, OneCycleLR, CyclicLR))


def with_length(make: Any, length: Callable[[], int], scales: Sequence[float]) -> Any:
    """Fill in the length of the run and the scaled learning rates of a schedule factory.

    Args:
        make: a `functools.partial` from a config; any other factory is returned unchanged.
        length: computes the length of the run, in steps of the schedule.
        scales: the learning rate factor of each parameter group, for schedules with their own
            peak rates.
    """
    if not isinstance(make, functools.partial):
        return make
    given = make.keywords
    filled: dict[str, Any] = {}
    left_out = "total_steps" in given and given["total_steps"] is given.get("epochs") is None
    for key in _LENGTHS:
        if given.get(key) == WHOLE_RUN or (key == "total_steps" and left_out):
            filled[key] = length()
    for key in _PEAKS:
        if isinstance(given.get(key), float | int) and set(scales) != {1.0}:
            filled[key] = [given[key] * scale for scale in scales]
    if isinstance(given.get("schedulers"), list):
        filled["schedulers"] = _in_turn(given["schedulers"], given["milestones"], length, scales)
    return functools.partial(make, **filled)


def _in_turn(
    makers: list[Any], milestones: list[int], length: Callable[[], int], scales: Sequence[float]
) -> list[Any]:
    """Fill in the factories of a sequence of schedules, each with the length of its interval."""
    starts, ends = [0, *milestones], [*milestones, None]
    spans = [functools.partial(_span, *span, length) for span in zip(starts, ends, strict=True)]
    return [with_length(make, span, scales) for make, span in zip(makers, spans, strict=False)]


def _span(start: int, end: int | None, length: Callable[[], int]) -> int:
    return (length() if end is None else end) - start
