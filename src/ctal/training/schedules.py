"""Schedules of the learning rate that know the length of the run."""

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
"""A length of a schedule of torch that stands for the length of the run."""

_LENGTHS = ("T_max", "total_iters", "total_steps")
_PEAKS = ("max_lr", "base_lr")  # rates that replace those of all groups


class RunSchedule(LambdaLR):
    """A learning rate that is a function of the step and of the length of the run alone.

    It rises linearly during the warm-up and then follows `shape`. A run that is resumed with more
    epochs follows the longer schedule from its first step: loading a state computes the rates
    again, since those in the checkpoint of a finished run are 0.

    Args:
        optimizer: the optimizer whose rate it sets, loaded before the state of the schedule.
        warmup: length of the warm-up, in steps (or epochs: `model.lr_interval`). Step k of it has
            (k + 1) / (warmup + 1) of the optimizer's rate, k from 0 on.
        final: rate at the end, as a share of the optimizer's.

    Raises:
        InputError: a number is out of range.
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
        """Set the number of steps after which the rate has reached its end.

        Raises:
            InputError: the warm-up is not shorter than that.
        """
        if self.warmup >= length:
            raise InputError(
                f"model.lr_scheduler: warmup: expected less than the length of the run ({length}), "
                f"got {self.warmup}"
            )
        self.length = length

    def factor(self, step: int) -> float:
        """Return the rate at a step, as a share of the optimizer's."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        over = step - self.warmup
        progress = min(1.0, over / (self.length - self.warmup)) if over else 0.0
        return self.final + (1 - self.final) * self.shape(progress)

    @abstractmethod
    def shape(self, progress: float) -> float:
        """Return the value for a progress of 0..1, from 1 down to 0."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the arguments, which a resumed run has already."""
        state = super().state_dict()
        return {key: state[key] for key in state if key not in ("warmup", "final", "length")}

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


class Cosine(RunSchedule):
    """Half a period of a cosine, after an optional warm-up (see `RunSchedule`)."""

    def shape(self, progress: float) -> float:
        """(1 + cos(pi progress)) / 2."""
        return (1 + math.cos(math.pi * progress)) / 2


class Polynomial(RunSchedule):
    """The "poly" schedule, (1 - progress)^power, after an optional warm-up (see `RunSchedule`).

    Args:
        optimizer: the optimizer whose rate it sets.
        power: the power, 0.9 in Chen et al., "DeepLab", TPAMI 2018; 1 is a straight line.
        warmup: length of the warm-up.
        final: rate at the end, as a share of the optimizer's.

    Raises:
        InputError: a number is out of range.
    """

    def __init__(
        self, optimizer: Optimizer, power: float = 0.9, warmup: int = 0, final: float = 0.0
    ) -> None:
        if not 0 < power < math.inf:
            raise InputError(f"model.lr_scheduler: power: expected a number above 0, got {power}")
        self.power = power
        super().__init__(optimizer, warmup, final)

    def shape(self, progress: float) -> float:
        """(1 - progress)^power."""
        return (1 - progress) ** self.power

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the arguments."""
        state = super().state_dict()
        return {key: state[key] for key in state if key != "power"}


class SequentialLR(torch_schedules.SequentialLR):
    """`torch.optim.lr_scheduler.SequentialLR`, written in a configuration.

    Args:
        optimizer: the optimizer whose rate it sets.
        schedulers: the schedules, one after the other; a length of -1 fills the time of its own.
        milestones: the steps (or epochs: `model.lr_interval`) at which the next one starts.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRSchedulerCallable],
        milestones: list[int],
    ) -> None:
        super().__init__(optimizer, [make(optimizer) for make in schedulers], milestones)


def is_stepped_per_batch(kind: type) -> bool:
    """Return whether a class of schedules is made for a step at each batch."""
    return issubclass(kind, (RunSchedule, OneCycleLR, CyclicLR))


def with_length(make: Any, length: Callable[[], int], scales: Sequence[float]) -> Any:
    """Return what makes a schedule, with the length of the run where a configuration has none.

    Args:
        make: a `functools.partial`, as a configuration gives it; anything else is returned as is.
        length: computes the length of the run, in steps of the schedule.
        scales: the factor of each parameter group's rate, for schedules that set rates themselves.
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
    """Return what makes each schedule of a sequence, with the length of its own time."""
    starts, ends = [0, *milestones], [*milestones, None]
    spans = [functools.partial(_span, *span, length) for span in zip(starts, ends, strict=True)]
    return [with_length(make, span, scales) for make, span in zip(makers, spans, strict=False)]


def _span(start: int, end: int | None, length: Callable[[], int]) -> int:
    return (length() if end is None else end) - start
