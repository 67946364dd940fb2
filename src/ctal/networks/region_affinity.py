"""Affinity refinement through soft regions: linear in the pixels, and of no fixed image size.

A variant of cross-task affinity learning (Sinodinos and Armanfard, WACV 2025), not a published
method. As in CTAL, the values of each task are propagated along the pixel affinities of all tasks.
Instead of cosines, mixed with weights of each pixel, pixels are alike if a task assigns them to the
same learned regions, as in object-contextual representations (Yuan, Chen and Wang, ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.factorised.layout import to_maps
from ctal.factorised.soft_regions import soft_region_affinity


class RegionAffinity(nn.Module):
    """F'_t = F_t + BN_t(out_t), out_t the values V_t propagated along all tasks' soft regions.

    `ctal.factorised.soft_regions` has the equations. V_t is a 3x3 convolution of F_t; the region
    logits are a 1x1 convolution of F_t with BN; the shares are a softmax of learned weights.

    Args:
        tasks: names of the tasks; their order is kept.
        channels: channels C of the features of each task.
        regions: number K of soft regions of each task.
        gate: initial weight of the BN in front of the addition; small, so that the features are
            nearly unchanged at first.

    Attributes:
        weights: (T, T), by target and source; initially 0, so that all tasks have equal shares.

    Raises:
        InputError: `channels` or `regions` is below 1.

    Example:
        >>> refine = RegionAffinity(["semseg", "depth"], channels=16)
        >>> features = {name: torch.randn(2, 16, 6, 8) for name in ("semseg", "depth")}
        >>> refine(features)["depth"].shape
        torch.Size([2, 16, 6, 8])
    """

    def __init__(
        self, tasks: Sequence[str], channels: int, *, regions: int = 24, gate: float = 0.05
    ) -> None:
        super().__init__()
        for name, value in {"channels": channels, "regions": regions}.items():
            if value < 1:
                raise InputError(f"{name}: expected an integer >= 1, got {value}")
        self.tasks = list(tasks)
        self.weights = nn.Parameter(torch.zeros(len(tasks), len(tasks)))
        self.value = nn.ModuleDict(
            {task: nn.Conv2d(channels, channels, 3, padding=1) for task in tasks}
        )
        self.assign = nn.ModuleDict(
            {
                task: nn.Sequential(
                    nn.Conv2d(channels, regions, 1, bias=False), nn.BatchNorm2d(regions)
                )
                for task in tasks
            }
        )
        self.norm = nn.ModuleDict({task: _scaled_norm(channels, gate) for task in tasks})

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Refine the features of all tasks, {name: (B, C, H, W)}, to the same shapes.

        Raises:
            InputError: a task is missing or unknown.
        """
        if set(features) != set(self.tasks):
            raise InputError(f"features: expected the tasks {self.tasks}, got {list(features)}")
        V = _stacked([self.value[task](features[task]) for task in self.tasks])
        logits = _stacked([self.assign[task](features[task]) for task in self.tasks])
        out = soft_region_affinity(logits, V, self.weights.softmax(dim=1))
        return {
            task: features[task] + self.norm[task](out[:, t]) for t, task in enumerate(self.tasks)
        }


def _scaled_norm(channels: int, scale: float) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    nn.init.constant_(norm.weight, scale)
    return norm


def _stacked(maps: Sequence[Tensor]) -> Tensor:
    """(B, T, C, H, W), pixel by pixel in memory, as matrix products read them."""
    return to_maps(torch.stack([x.movedim(1, -1) for x in maps], dim=3))
