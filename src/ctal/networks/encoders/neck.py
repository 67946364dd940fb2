"""Feature pyramid from the maps of a plain vision transformer, which have the same stride.

Source: the simple feature pyramid of Li, Mao, Girshick and He, "Exploring Plain Vision Transformer
Backbones for Object Detection", ECCV 2022, section 3: transposed convolutions towards the finer
scales, max-pooling towards the coarser, then a 1x1 and a 3x3 convolution, each with LayerNorm.
Differences: its scales are all computed from the last block, these from four blocks over the depth,
as in BEiT (Bao et al., ICLR 2022, appendix) and DPT (Ranftl et al., ICCV 2021); its scales all have
256 channels, these as many as those of a hierarchical transformer that ends with the same number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from timm.layers.norm import LayerNorm2d
from torch import Tensor, nn


class PyramidNeck(nn.Module):
    """Feature pyramid from maps of the same stride, one map per scale.

    A transformer of 768 channels gets a pyramid of 96, 192, 384 and 768 channels, as Swin-T
    and Swin-S have it, so that decoders cost the same.

    Args:
        channels: channels C of the maps, in order of the scales.
        given: strides of the maps.
        wanted: strides of the scales, finest first; powers of two times those of the maps.

    Attributes:
        out_channels: channels of the scales: C at the coarsest, half of that at the next finer, ...
    """

    def __init__(
        self, channels: Sequence[int], given: Sequence[int], wanted: Sequence[int]
    ) -> None:
        super().__init__()
        self.out_channels = [
            C * stride // wanted[-1] for C, stride in zip(channels, wanted, strict=True)
        ]
        self.scales = nn.ModuleList(
            _scale(C, width, round(math.log2(old / new)))
            for C, width, old, new in zip(channels, self.out_channels, given, wanted, strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map [(B, C, H, W)] to [(B, C_s, r H, r W)], r the given stride over the wanted one."""
        return [scale(x) for scale, x in zip(self.scales, maps, strict=True)]


def _scale(channels: int, width: int, doublings: int) -> nn.Sequential:
    """Build the layers from a map to a scale of 2^doublings its resolution."""
    # Some channels of a trained transformer are larger than the others by orders of magnitude (Sun
    # et al., "Massive Activations in Large Language Models", COLM 2024). A LayerNorm does not
    # change that; a BatchNorm does, and the heads of DINOv2 also start with one.
    layers: list[nn.Module] = [nn.BatchNorm2d(channels)]
    for index in range(doublings):
        if index:
            layers += [LayerNorm2d(channels), nn.GELU()]
        layers.append(nn.ConvTranspose2d(channels, channels // 2, 2, stride=2))
        channels //= 2
    layers += [nn.MaxPool2d(2) for _ in range(-doublings)]
    layers += [
        nn.Conv2d(channels, width, 1, bias=False),
        LayerNorm2d(width),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        LayerNorm2d(width),
    ]
    return nn.Sequential(*layers)
