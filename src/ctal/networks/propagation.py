"""Pattern-affinitive propagation: each task's features diffused along a mean of all affinities.

Source: Zhang, Cui, Xu, Yan, Sebe and Yang, "Pattern-Affinitive Propagation across Depth, Surface
Normal and Semantic Segmentation", CVPR 2019, sections 3.2 and 3.3, in the form in which the CTAL
paper compares with it: cosine affinities, one step of diffusion.

Choices where the descriptions are silent: a cosine may be negative, so rows are divided by the sum
of their absolute values, which is the ordinary normalisation wherever none is. Some released code
normalises the features over pixels in place of channels, which makes no cosine of them: a slip,
not inherited.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_ROWS = 1024  # of the affinity maps that are held at a time, a few MB per task and picture


class Propagation(nn.Module):
    """X_t <- beta A_t X_t + (1 - beta) X_t, with A_t the joint affinity of task t.

    A_t = sum_k softmax(w_t)_k R_k. R_k holds the cosines between the features of task k at all
    pairs of pixels, each row divided by the sum of its absolute values. R_k is never held whole:
    rows are made in blocks, and made again in the backward pass.

    Args:
        tasks: names of the tasks.
        beta: share of what is diffused, constant.

    Attributes:
        weights: w, (T, T), by target and source; 0 at the start, so that all tasks count the same.
    """

    def __init__(self, tasks: Sequence[str], *, beta: float = 0.05) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.beta = beta
        self.weights = nn.Parameter(torch.zeros(len(tasks), len(tasks)))

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """{name: (B, C, H, W)} to the same shapes."""
        B, C, H, W = features[self.tasks[0]].shape
        X = torch.stack([features[task].flatten(2) for task in self.tasks], dim=1)  # (B, T, C, P)
        shares = self.weights.softmax(dim=1)
        units = F.normalize(X, dim=2)
        blocks = [
            # nothing in it is random
            checkpoint(
                _diffused, rows, units, X, shares, use_reentrant=False, preserve_rng_state=False
            )
            for rows in torch.split(units, _ROWS, dim=3)
        ]
        refined = self.beta * torch.cat(blocks, dim=3) + (1 - self.beta) * X
        maps = refined.view(B, len(self.tasks), C, H, W)
        return dict(zip(self.tasks, maps.unbind(1), strict=True))


def _diffused(rows: Tensor, units: Tensor, X: Tensor, shares: Tensor) -> Tensor:
    """A_t X_t at some pixels, (B, T, C, n).

    Args:
        rows: unit features of these pixels, (B, T, C, n).
        units: those of all pixels, (B, T, C, P).
        X: what is diffused, (B, T, C, P).
        shares: of task k in the affinity of task t, (T, T).
    """
    affinity = F.normalize(rows.mT @ units, p=1, dim=3)  # (B, T, n, P)
    joint = torch.einsum("tk,bknp->btnp", shares, affinity)
    return (joint @ X.mT).mT
