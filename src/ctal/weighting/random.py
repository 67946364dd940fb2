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
    """Random weights for every batch: T times the softmax of T standard normal numbers.

    The paper's weights sum to 1. These sum to T, so that the learning rate for equal weights
    applies. A baseline for methods that optimize the weights.

    Args:
        tasks: the tasks.
    """

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        values = self.stacked(losses)
        # on the CPU, so that numbers do not depend on the network's device
        drawn = torch.randn(len(self.names)).to(values.device)
        self.weights = len(self.names) * torch.softmax(of_first_process(drawn), dim=0)
        return (self.weights * values).sum()
