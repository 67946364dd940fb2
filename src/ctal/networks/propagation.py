"""Pattern-affinitive propagation: each task's features diffused along a mean of all affinities.

Source: Zhang, Cui, Xu, Yan, Sebe and Yang, "Pattern-Affinitive Propagation across Depth, Surface
Normal and Semantic Segmentation", CVPR 2019, sections 3.2 and 3.3, in the form in which the CTAL
paper compares with it: cosine affinities, rows that sum to 1, one step of diffusion.

A cosine can be negative, and the papers do not specify what a row is then divided by. Here the
affinity of two pixels is 1 + cos, which is never negative, so that every row is a set of weights;
this also makes the cost linear in the number of pixels (`ctal.factorised.row_normalized`).
Dividing signed cosines by the sum of their absolute values is another reading, and needs all pairs
of pixels. Some released code normalizes the features over pixels instead of channels, which does
not give cosines; this is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ctal.factorised.layout import to_maps
from ctal.factorised.row_normalized import row_normalized_affinity


class Propagation(nn.Module):
    """X_t <- beta A_t X_t + (1 - beta) X_t, with A_t the joint affinity of task t.

    A_t = sum_k softmax(w_t)_k R_k. Entry [j, q] of R_k is 1 + the cosine between the features of
    task k at pixels j and q, divided by the sum of its row. Nothing of size P x P is computed.

    Args:
        tasks: names of the tasks.
        beta: share of the diffused features in the output, constant.

    Attributes:
        weights: w, (T, T), by target and source; initially 0, so that all tasks have equal shares.
    """

    def __init__(self, tasks: Sequence[str], *, beta: float = 0.05) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.beta = beta
        self.weights = nn.Parameter(torch.zeros(len(tasks), len(tasks)))

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Propagate the features of all tasks, {name: (B, C, H, W)}, to the same shapes."""
        # pixel by pixel in memory, the layout for matrix products
        X = to_maps(torch.stack([features[task].movedim(1, -1) for task in self.tasks], dim=3))
        diffused = row_normalized_affinity(X, X, self.weights.softmax(dim=1))
        refined = self.beta * diffused + (1 - self.beta) * X
        return dict(zip(self.tasks, refined.unbind(1), strict=True))

    def task_dims(self) -> dict[str, tuple[int, ...]]:
        """Dimensions with a block for each task, by tensor (`ctal.networks.initialize_from`)."""
        return {"weights": (0, 1)}
