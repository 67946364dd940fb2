"""CTAL on features fused from four scales (CTAL-MS in docs/results.md).

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025; the multi-scale initial predictions are those of MTI-Net (ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.encoders.encoder import STRIDES, Encoder, Upsampling
from ctal.networks.layers import CrossScaleFusion
from ctal.networks.multi_scale import MultiScaleInitial
from ctal.networks.options import AffinityOptions
from ctal.networks.predictions import Predictions
from ctal.networks.refinement import AffinityRefinement
from ctal.networks.single_scale import decoders, linear_decoders
from ctal.tasks import Task


class MultiScaleCTALNet(Network):
    """Initial predictions at four scales, fused per task; one CTAL refines them all.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        out_channels: channels of a task's features at the four scales, finest first; None: those of
            the encoder, as in the paper. Most encoders have more channels than HRNet, and the
            parameters grow with the square: reduce them there.
        channels: channels of a task's features in CTAL and its decoder (paper: 128).
        lean: the head of MTI-Net instead of the paper's decoder: BN and ReLU after the 1x1
            convolution before CTAL, and one 1x1 convolution at stride 4 after CTAL. Trains
            faster with a fraction of the multiply-adds.
        bilinear: as in `AffinityRefinement`.
        pooling: as in `AffinityRefinement`.
        affinities: False: the same network without CTAL, the control of an ablation.
        **options: keyword arguments of `AffinityOptions`: kernel_size, gamma, learned_gamma,
            shared_mixing, mixing_power, uniform_init, centered, norm_start, method.

    Raises:
        InputError: as `Encoder`, or `out_channels` is not four integers >= 1.
    """

    options_type = AffinityOptions

    def __init__(
        self,
        tasks: Sequence[Task],
        encoder: str = "hrnet_w18_small_v2",
        *,
        image_size: int | Sequence[int],
        pretrained: bool | str = False,
        upsampling: Upsampling = "bilinear",
        out_channels: Sequence[int] | None = None,
        channels: int = 128,
        lean: bool = False,
        bilinear: bool = False,
        pooling: int = 1,
        affinities: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(tasks, image_size=image_size)
        self.encoder = Encoder(
            encoder, image_size=self.image_size, pretrained=pretrained, upsampling=upsampling
        )
        self.initial = MultiScaleInitial(self.tasks, self.encoder.out_channels, out_channels)
        scales = self.initial.out_channels
        self.fused = nn.ModuleDict({task.name: CrossScaleFusion(scales) for task in self.tasks})
        self.refinement = AffinityRefinement(
            [task.name for task in self.tasks],
            sum(scales),
            (self.image_size[0] // STRIDES[0], self.image_size[1] // STRIDES[0]),
            channels=channels,
            normalised=lean,
            upsample=not lean,
            bilinear=bilinear,
            pooling=pooling,
            affinities=affinities,
            **asdict(AffinityOptions(**options)),
        )
        self.decoders = (linear_decoders if lean else decoders)(self.tasks, channels)

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict initial maps at strides 4, 8, 16 and 32, final ones at stride 2, or 4 if lean."""
        features, initial = self.initial(self.encoder(images))
        fused = {
            name: fuse([scale[name] for scale in features]) for name, fuse in self.fused.items()
        }
        refined = self.refinement(fused)
        final = {name: decode(refined[name]) for name, decode in self.decoders.items()}
        return Predictions(final, initial)
