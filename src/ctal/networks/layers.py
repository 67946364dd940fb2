"""Layers shared by several networks; residual blocks are those of ResNet (He et al., 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ctal.errors import InputError


def basic_block(in_channels: int, out_channels: int) -> BasicBlock:
    """Build ResNet's block of two 3x3 convolutions; 1x1 + BN shortcut if the channels change."""
    return BasicBlock(in_channels, out_channels, downsample=_shortcut(in_channels, out_channels))


def bottleneck(in_channels: int, out_channels: int) -> Bottleneck:
    """Build ResNet's bottleneck, with a quarter of the channels inside.

    Raises:
        InputError: `out_channels` is not a positive multiple of 4.
    """
    inner, rest = divmod(out_channels, Bottleneck.expansion)
    if inner < 1 or rest:
        raise InputError(
            f"channels: expected a multiple of {Bottleneck.expansion}, as bottlenecks need, "
            f"got {out_channels}"
        )
    return Bottleneck(in_channels, inner, downsample=_shortcut(in_channels, out_channels))


def _shortcut(in_channels: int, out_channels: int) -> nn.Sequential | None:
    if in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
    )


class CrossScaleFusion(nn.Module):
    """Cross-scale fusion: all scales upsampled to the finest, concatenated, mixed by a 1x1 conv.

    Args:
        in_channels: channels of every scale, finest first.

    Attributes:
        channels: channels of the output, the sum of `in_channels`.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = sum(in_channels)
        self.mix = nn.Sequential(
            nn.Conv2d(self.channels, self.channels, 1),
            nn.BatchNorm2d(self.channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """Map [(B, C_s, H_s, W_s)], finest first, to (B, channels, H, W) of the finest."""
        return self.mix(torch.cat([upsample(x, like=scales[0]) for x in scales], dim=1))


class Head(nn.Module):
    """Cross-scale fusion and a 1x1 convolution to `out_channels`, at the finest scale."""

    def __init__(self, in_channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        self.fused = CrossScaleFusion(in_channels)
        self.predict = nn.Conv2d(self.fused.channels, out_channels, 1)

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """Map [(B, C_s, H_s, W_s)], finest first, to (B, out_channels, H, W)."""
        return self.predict(self.fused(scales))


class InitialHead(nn.Module):
    """Initial prediction of one task at one scale, with the features behind it.

    Args:
        blocks: layers from the encoder's features to the task's.
        channels: channels of the task's features.
        out_channels: channels of its raw map.
    """

    def __init__(self, blocks: nn.Module, channels: int, out_channels: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.predict = nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the task's features (B, channels, H, W) and raw map (B, out_channels, H, W)."""
        features = self.blocks(x)
        return features, self.predict(features)


def upsample(x: Tensor, *, like: Tensor) -> Tensor:
    """Upsample bilinearly, corners not aligned, to the height and width of `like`."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
