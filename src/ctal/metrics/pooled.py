"""The mean of a number per pixel over all labelled pixels of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric

from ctal.compat import move_metric


class FloatSums(Metric, ABC):
    """A metric with float64 states, which must not lose digits when its network does."""

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        """Follows a network to its device, but not to its dtype.

        torchmetrics guards its states against `.half()`, not against `.to(torch.bfloat16)`, which
        is what Lightning's "bf16-true" calls. Apple's GPUs (mps) have no float64: with a network
        on one of them the states stay where they are, and `update` brings the pixels to them.
        """

        def moved(state: Tensor) -> Tensor:
            device = fn(torch.empty(0, device=state.device)).device
            return state if device.type == "mps" else state.to(device)

        move_metric(self, moved, exclude_state)
        return self


class PooledMean(FloatSums):
    """Mean over every labelled pixel of every batch and process; NaN when there is none.

    All pixels weigh the same. The usual mean of per-batch means gives a pixel more weight the fewer
    labels its batch has, so it changes with the batch size and with the number of processes.

    A subclass gives the number of each pixel (`pixel_values`) and, where it is not the mean itself
    that is wanted, what to make of it (`finish`).
    """

    full_state_update = False
    higher_is_better = False
    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # float64: 10^8 pixels added up in float32 would lose the small errors
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The number of every labelled pixel of a batch, (N,), in any order."""

    def finish(self, mean: Tensor) -> Tensor:
        """The metric, from the mean of `pixel_values` over the data set."""
        return mean

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Adds the pixels of one batch, both maps in the form of the task's target."""
        values = self.pixel_values(prediction, target)
        self.total += values.to(self.total).sum()
        self.count += values.numel()

    def compute(self) -> Tensor:
        """The metric over all batches so far, a float64 scalar."""
        return self.finish(self.total / self.count)
