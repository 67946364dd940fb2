"""Uncertainty weighting.

Source: Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
Geometry and Semantics", CVPR 2018, arXiv 1705.07115, equations 7 and 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ctal.tasks import Task
from ctal.weighting.base import Weighting


class UncertaintyWeighting(Weighting):
    """Learned weights from the uncertainty of each task.

    With L_t the loss of task t and s_t = log(sigma_t^2) its learned log variance, initially 0,

        total = sum over t of  c_t exp(-s_t) L_t + s_t / 2.

    c_t is `Task.variance_factor`: 1 where the loss is a cross entropy, and 1/2 where it is a
    distance, as in the paper, which has 1 / sigma^2 for classification and 1 / (2 sigma^2) for
    regression. It only sets the initial weights c_t exp(-s_t): as the s_t are learned, they
    approach 1 / (2 L_t) for any c_t.

    The s_t have the network's optimizer and learning rate, and its weight decay, which reduces
    them towards 0. With Adam they change by at most about the learning rate per step: a short
    training at a low learning rate hardly changes them. The weight of a task without labels
    grows without bound.

    Args:
        tasks: the tasks.

    Attributes:
        log_variances: the s_t, (T,) in the order of the tasks.
    """

    factors: Tensor

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(tasks)
        self.log_variances = nn.Parameter(torch.zeros(len(tasks)))
        factors = torch.tensor([task.variance_factor for task in tasks])
        self.register_buffer("factors", factors, persistent=False)  # defined by the tasks

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses plus half the sum of the log variances."""
        weights = self.factors * torch.exp(-self.log_variances)
        self.weights = weights.detach()
        return (weights * self.stacked(losses) + self.log_variances / 2).sum()
