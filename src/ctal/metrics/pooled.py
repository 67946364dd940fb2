"""The mean of a value per pixel over all labelled pixels of a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric

from ctal.compat import move_metric


class FloatSums(Metric, ABC):
    """A metric with float64 states, which keep their precision when the network is converted."""

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        """Move states to the device of the network, without converting them to its dtype.

        torchmetrics protects its states against `.half()`, but not against `.to(torch.bfloat16)`,
        which Lightning's "bf16-true" calls. Apple's GPUs (mps) have no float64: with a network on
        one of them the states are not moved, and `update` moves the pixels to their device.
        """

        def moved(state: Tensor) -> Tensor:
            device = fn(torch.empty(0, device=state.device)).device
            return state if device.type == "mps" else state.to(device)

        move_metric(self, moved, exclude_state)
        return self


class PooledMean(FloatSums):
    """Mean over all labelled pixels of all batches and processes; NaN without labelled pixels.

    All pixels have the same weight. The usual mean of per-batch means gives pixels of batches with
    fewer labels more weight, so it depends on the batch size and on the number of processes.
    A subclass computes the value of each pixel (`pixel_values`) and, if the metric is not the mean
    itself, the metric from the mean (`finish`).

    Attributes:
        unit: the unit of its values, for tables; "" if they have none.
    """

    full_state_update = False
    higher_is_better = False
    unit = ""
    total: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # float64: the sum of 10^8 pixels in float32 would lose small errors
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute the value of every labelled pixel of a batch, (N,), in any order."""

    def finish(self, mean: Tensor) -> Tensor:
        """Compute the metric from the mean of `pixel_values` over the dataset."""
        return mean

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add the pixels of one batch; both maps have the shape of the task's target."""
        values = self.pixel_values(prediction, target)
        self.total += values.to(self.total).sum()
        self.count += values.numel()

    def compute(self) -> Tensor:
        """Return the metric over all batches, a float64 scalar."""
        return self.finish(self.total / self.count)
