"""Initial predictions at four scales, each with propagated features of the coarser scale.

Source: Vandenhende, Georgoulis and Van Gool, "MTI-Net: Multi-Scale Task Interaction Networks for
Multi-Task Learning", ECCV 2020, section 3.2. One difference from the released code: the attention
of the feature propagation module is a softmax over the tasks, per channel and pixel, as in the
paper, and not over groups of T adjacent channels of the concatenation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from ctal.errors import InputError
from ctal.networks.layers import InitialHead, basic_block, upsample
from ctal.tasks import Task

_OF_INPUTS = ("conv1", "downsample.0")  # the layers of a block that see its input
_SQUEEZE = 16  # reduction of squeeze-and-excitation (Hu et al., CVPR 2018)


class FeaturePropagation(nn.Module):
    """Features of all tasks at one scale, shared and propagated to the next finer scale.

    Args:
        tasks: names of the tasks.
        channels: channels C of every task's features at this scale.
    """

    def __init__(self, tasks: Sequence[str], channels: int) -> None:
        super().__init__()
        total = len(tasks) * channels
        inner = max(1, total // 4)
        self.attention = nn.Sequential(
            basic_block(total, inner), basic_block(inner, inner), nn.Conv2d(inner, total, 1)
        )
        self.shared = basic_block(total, channels)
        squeeze = max(1, channels // _SQUEEZE)
        self.excite = nn.ModuleDict({task: SqueezeExcitation(channels, squeeze) for task in tasks})

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Map {name: (B, C, H, W)} to the same shapes."""
        tasks = list(self.excite)
        together = torch.cat([features[task] for task in tasks], dim=1)  # (B, T C, H, W)
        attention = self.attention(together).unflatten(1, (len(tasks), -1)).softmax(dim=1)
        shared = self.shared(attention.flatten(1, 2) * together)
        return {task: self.excite[task](shared) + features[task] for task in tasks}

    def task_dims(self) -> dict[str, tuple[int, ...]]:
        """Dimensions with a block for each task, by tensor (`ctal.networks.initialize_from`)."""
        convolutions = ("attention.0", "shared")  # of all features, concatenated
        inputs = [f"{block}.{conv}.weight" for block in convolutions for conv in _OF_INPUTS]
        outputs = ("attention.2.weight", "attention.2.bias")
        return {**dict.fromkeys(inputs, (1,)), **dict.fromkeys(outputs, (0,))}


class MultiScaleInitial(nn.Module):
    """Initial predictions of all tasks at all scales of the encoder.

    From the coarsest scale to the finest: the input of each task's head is the encoder's features
        and,
    except at the coarsest scale, the task's propagated features of the coarser scale, upsampled.

    Args:
        tasks: the tasks.
        in_channels: channels of the encoder's scales, finest first.
        out_channels: channels of a task's features at these scales; None: those of the encoder,
            as in the paper. All later layers grow with the square of these numbers, and most
            encoders have more channels than HRNet, for which these networks were designed. Each
            head reduces the encoder's features itself, so its input has all encoder channels.

    Attributes:
        out_channels: channels of a task's features, finest scale first.

    Raises:
        InputError: `out_channels` is not one integer >= 1 for each scale.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        in_channels: Sequence[int],
        out_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = list(in_channels if out_channels is None else out_channels)
        _check_channels(self.out_channels, len(in_channels))
        coarser = [*self.out_channels[1:], 0]  # the propagated features; none at the coarsest scale
        self.heads = nn.ModuleList(
            nn.ModuleDict(
                {task.name: _scale_head(C + above, width, task.channels) for task in tasks}
            )
            for C, above, width in zip(in_channels, coarser, self.out_channels, strict=True)
        )
        names = [task.name for task in tasks]
        self.propagation = nn.ModuleList(
            FeaturePropagation(names, width) for width in self.out_channels[1:]
        )

    def forward(
        self, scales: Sequence[Tensor]
    ) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
        """Return features and raw maps of every task, a dict per scale, finest first.

        Args:
            scales: the encoder's [(B, C_s, H_s, W_s)], finest first.

        Returns:
            Per scale {name: features (B, C_s, H_s, W_s)} and {name: raw map (B, task.channels,
            H_s, W_s)}.
        """
        features: list[dict[str, Tensor]] = [{} for _ in scales]
        raw: list[dict[str, Tensor]] = [{} for _ in scales]
        for s in reversed(range(len(scales))):
            above = self.propagation[s](features[s + 1]) if s + 1 < len(scales) else {}
            for name, head in cast(nn.ModuleDict, self.heads[s]).items():
                x = scales[s]
                if name in above:
                    x = torch.cat([x, upsample(above[name], like=x)], dim=1)
                features[s][name], raw[s][name] = head(x)
        return features, raw


def _check_channels(out_channels: Sequence[int], scales: int) -> None:
    """Check that there is an integer >= 1 for each scale."""
    if len(out_channels) != scales or min(out_channels) < 1:
        raise InputError(
            f"out_channels: expected {scales} integers >= 1, finest scale first, "
            f"got {list(out_channels)}"
        )


def _scale_head(in_channels: int, width: int, out_channels: int) -> InitialHead:
    blocks = nn.Sequential(basic_block(in_channels, width), basic_block(width, width))
    return InitialHead(blocks, width, out_channels)
