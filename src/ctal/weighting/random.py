"""Random weighting.

Source: Lin, Ye, Zhang and Tsang, "Reasonable Effectiveness of Random Weighting: A Litmus Test for
Multi-Task Learning", TMLR 2022, arXiv 2111.10603.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ctal.weighting.base import Weighting
from ctal.weighting.processes import of_first_process


class RandomWeighting(Weighting):
    """Weights drawn anew for every batch: T times the softmax of T standard normal numbers.

    The paper's sum to 1. These sum to T, so that the learning rate of equal weights fits. Every
    method that claims to know better weights should do better than these.

    Args:
        tasks: the tasks.
    """

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the losses."""
        values = self.stacked(losses)
        # on the CPU, whose numbers are the same whatever device the network is on
        drawn = torch.randn(len(self.names)).to(values.device)
        self.weights = len(self.names) * torch.softmax(of_first_process(drawn), dim=0)
        return (self.weights * values).sum()
