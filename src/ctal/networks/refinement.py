"""CTAL with the layers around it in the paper's networks.

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.affinity import CTAL
from ctal.networks.layers import upsample
from ctal.networks.options import AffinityOptions
from ctal.networks.resizing import as_size


class AffinityRefinement(nn.Module):
    """CTAL with the layers around it in the paper's networks; doubles the resolution.

    Per task: 1x1 convolution to `channels` -> CTAL -> 2x2 transposed convolution of stride 2 + BN +
    ReLU + 3x3 convolution. It can be added to any network between features of one size per task:
    docs/own_network.md has an example.

    Args:
        tasks: names of the tasks.
        in_channels: channels of the input features.
        size: (H, W) of the input features, or the side of square ones.
        channels: channels inside and of the output (paper: 128).
        normalised: BN and ReLU after the 1x1 convolutions, as in the paper's transformer network;
            its CNN networks do not have them.
        upsample: double the resolution; False leaves out the layers that follow CTAL, and the
            output has the height and width of the input.
        bilinear: double the resolution with a 1x1 convolution and bilinear resizing instead of a
            transposed convolution, whose 2x2 pattern can remain visible in the maps.
        pooling: side n of the windows of n x n pixels that are averaged in front of CTAL; the
            change that CTAL makes at the lower resolution is resized (bilinear) and added to the
            features. The operator then takes an n^2-th of the time and mixing weights.
        affinities: False omits CTAL: the control of an ablation, without its cost.
        **options: keyword arguments of `AffinityOptions`: kernel_size, gamma, learned_gamma,
            shared_mixing, mixing_power, uniform_init, centered, norm_start, method.

    Raises:
        InputError: `pooling` does not divide `size`, or as `CTAL`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        in_channels: int,
        size: int | Sequence[int],
        *,
        channels: int = 128,
        normalised: bool = False,
        upsample: bool = True,
        bilinear: bool = False,
        pooling: int = 1,
        affinities: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        self.reduce = nn.ModuleDict(
            {task: _reduce(in_channels, channels, normalised) for task in tasks}
        )
        height, width = as_size(size, "size")
        if pooling < 1 or height % pooling or width % pooling:
            raise InputError(
                f"pooling: expected an integer >= 1 that divides the size ({height}, {width}) of "
                f"the features, got {pooling}"
            )
        self.pooling = pooling
        self.ctal: CTAL | None = None
        if affinities:
            pooled = (height // pooling, width // pooling)
            self.ctal = CTAL(tasks, channels, pooled, **asdict(AffinityOptions(**options)))
        self.enlarge = nn.ModuleDict(
            {task: _enlarge(channels, bilinear) if upsample else nn.Identity() for task in tasks}
        )

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Map {name: (B, in_channels, H, W)} to {name: (B, channels, 2H, 2W)}."""
        reduced = {task: self.reduce[task](x) for task, x in features.items()}
        refined = self._refine(reduced)
        return {task: self.enlarge[task](x) for task, x in refined.items()}

    def _refine(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.ctal is None:
            return features
        if self.pooling == 1:
            return cast(dict[str, Tensor], self.ctal(features))
        pooled = {task: F.avg_pool2d(x, self.pooling) for task, x in features.items()}
        refined = self.ctal(pooled)
        return {
            task: x + upsample(refined[task] - pooled[task], like=x) for task, x in features.items()
        }


def _reduce(in_channels: int, channels: int, normalised: bool) -> nn.Module:
    convolution = nn.Conv2d(in_channels, channels, 1)
    if not normalised:
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _enlarge(channels: int, bilinear: bool) -> nn.Sequential:
    if bilinear:
        doubled: list[nn.Module] = [
            nn.Conv2d(channels, channels, 1),
            nn.Upsample(scale_factor=2, mode="bilinear"),
        ]
    else:
        doubled = [nn.ConvTranspose2d(channels, channels, 2, stride=2)]
    return nn.Sequential(
        *doubled,
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
    )
