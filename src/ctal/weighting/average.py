"""Dynamic weight average.

Source: Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019, arXiv
1803.10704, equation 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from ctal.compat import move_module
from ctal.errors import InputError
from ctal.tasks import Task
from ctal.weighting.base import Weighting
from ctal.weighting.processes import mean_over_processes


class DynamicWeightAverage(Weighting):
    """Weights from the rate at which losses decrease: slower tasks get larger weights.

    With L_t(e) the mean loss of task t over the batches of epoch e, the weight in epoch e is

        w_t = T exp(r_t / temperature) / sum over k of exp(r_k / temperature),
        r_t = L_t(e - 1) / L_t(e - 2),

    so that the T weights sum to T. In the first two epochs all weights are 1; r_t of a task whose
    loss was 0 (no labels, or a fixed weight of 0) is 1.

    Args:
        tasks: the tasks.
        temperature: the larger, the more even the weights (paper: 2).

    Attributes:
        means: the mean losses of the penultimate and of the last epoch, (2, T); 0 if unknown.

    Raises:
        InputError: the temperature is not above 0.
    """

    means: Tensor
    sums: Tensor

    def __init__(self, tasks: Sequence[Task], temperature: float = 2.0) -> None:
        super().__init__(tasks)
        if not temperature > 0:
            raise InputError(
                f"model.weighting: expected a temperature above 0, got {temperature:g}"
            )
        self.temperature = temperature
        # in every checkpoint, including the partial sums of the current epoch
        self.register_buffer("means", torch.zeros(2, len(tasks)))
        self.register_buffer("sums", torch.zeros(len(tasks)))
        # not buffers, since reading a value from an accelerator synchronizes
        self._epoch = self._batches = 0

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move to the network's device but keep the dtype, in which sums are exact."""
        move_module(self, lambda state: state.to(fn(state).device), recurse)
        return self

    def get_extra_state(self) -> dict[str, int]:
        """Return the current epoch and the number of its batches in the sums."""
        return {"epoch": self._epoch, "batches": self._batches}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Load the state of the resumed run."""
        self._epoch, self._batches = state["epoch"], state["batches"]

    def start_batch(self, epoch: int) -> None:
        """Finish the previous epoch at the first batch of the next one.

        Not at its end, since a run may have been resumed in between.
        """
        if epoch == self._epoch:
            return
        if self._batches:
            self.means = torch.stack([self.means[1], self.sums / self._batches])
        self.sums.zero_()
        self._epoch, self._batches = epoch, 0

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        values = self.stacked(losses)
        self.sums += mean_over_processes(values.detach())
        self._batches += 1
        before, last = self.means
        ratios = torch.where(before > 0, last / before, 1.0)
        self.weights = len(self.names) * torch.softmax(ratios / self.temperature, dim=0)
        return (self.weights * values).sum()
