"""Initial predictions of all tasks at one scale, and final heads.

Two variants. For CNNs, after PAD-Net (Xu, Ouyang, Wang and Sebe, CVPR 2018): the four scales of the
encoder, fused at stride 4. For transformers, after the experiments of the CTAL paper (Sinodinos and
Armanfard, WACV 2025): the encoder's last stage only, at stride 32, with the heads of DeepLab v3
(Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from ctal.errors import InputError
from ctal.networks.encoders.encoder import STRIDES
from ctal.networks.layers import CrossScaleFusion, Head, InitialHead, bottleneck
from ctal.tasks import Task

CHANNELS = 256
"""Channels of a task's features at its initial prediction, as in PAD-Net."""

_RATES = (12, 24, 36)  # of the atrous convolutions


class SingleScaleInitial(nn.Module):
    """Features and initial predictions of all tasks from one shared map.

    Args:
        tasks: the tasks.
        in_channels: channels of the encoder's scales, finest first.
        last_stage: use the encoder's last stage instead of its four scales fused.

    """

    def __init__(
        self, tasks: Sequence[Task], in_channels: Sequence[int], *, last_stage: bool
    ) -> None:
        super().__init__()
        self._stride = STRIDES[-1] if last_stage else STRIDES[0]
        self.shared = LastStage(in_channels) if last_stage else CrossScaleFusion(in_channels)
        self.heads = nn.ModuleDict(
            {task.name: _initial_head(self.shared.channels, task.channels) for task in tasks}
        )

    def size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (H, W) of the features for images of this height and width."""
        return image_size[0] // self._stride, image_size[1] // self._stride

    def forward(self, scales: Sequence[Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return features (B, 256, H, W) and raw maps (B, task.channels, H, W) of every task.

        Args:
            scales: the encoder's [(B, width, H_s, W_s)], finest first.
        """
        shared = self.shared(scales)
        features, raw = {}, {}
        for name, head in self.heads.items():
            features[name], raw[name] = head(shared)
        return features, raw


class LastStage(nn.Module):
    """The encoder's last stage.

    Args:
        in_channels: channels of the encoder's scales, finest first.

    Attributes:
        channels: channels of the output.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = in_channels[-1]

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """Return the last of [(B, C_s, H_s, W_s)], finest first."""
        return scales[-1]


class Decoder(nn.Sequential):
    """A task's final decoder: two bottlenecks of `channels`, a 1x1 convolution to its raw map."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            bottleneck(channels, channels),
            bottleneck(channels, channels),
            nn.Conv2d(channels, out_channels, 1),
        )


class AtrousHead(DeepLabHead):
    """The head of DeepLab v3 with rates 12, 24 and 36, from features to a task's raw map."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, _RATES)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, out_channels, H, W).

        Raises:
            InputError: in training, the batch has one image.
        """
        if self.training and len(x) == 1:
            raise InputError(
                "batch_size: expected at least 2 images in a training batch, got 1: with "
                "last_stage, heads normalize one value per image and channel"
            )
        return super().forward(x)


def decoders(tasks: Sequence[Task], channels: int, *, last_stage: bool = False) -> nn.ModuleDict:
    """Build a final head per task: `Decoder`, or the head of DeepLab v3."""

    def decoder(out_channels: int) -> nn.Module:
        if last_stage:
            return AtrousHead(channels, out_channels)
        return Decoder(channels, out_channels)

    return nn.ModuleDict({task.name: decoder(task.channels) for task in tasks})


def linear_decoders(tasks: Sequence[Task], channels: int) -> nn.ModuleDict:
    """Build a 1x1 convolution per task, from refined features to its raw map."""
    return nn.ModuleDict({task.name: nn.Conv2d(channels, task.channels, 1) for task in tasks})


def head(in_channels: Sequence[int], out_channels: int, *, last_stage: bool) -> nn.Module:
    """Build the head of a task without refinement, from the encoder's scales to its raw map."""
    if last_stage:
        return nn.Sequential(LastStage(in_channels), AtrousHead(in_channels[-1], out_channels))
    return Head(in_channels, out_channels)


def _initial_head(in_channels: int, out_channels: int) -> InitialHead:
    blocks = nn.Sequential(bottleneck(in_channels, CHANNELS), bottleneck(CHANNELS, CHANNELS))
    return InitialHead(blocks, CHANNELS, out_channels)
