"""CTAL on one fused scale (EMA-Net in the paper's first version).

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from ctal.networks.base import Network
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.options import AffinityOptions
from ctal.networks.predictions import Predictions
from ctal.networks.refinement import AffinityRefinement
from ctal.networks.single_scale import CHANNELS, SingleScaleInitial, decoders
from ctal.tasks import Task


class CTALNet(Network):
    """One encoder, initial predictions at one scale, CTAL between them, a decoder per task.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        channels: channels of a task's features in CTAL and its decoder (paper: 128).
        bilinear: as in `AffinityRefinement`.
        pooling: as in `AffinityRefinement`.
        affinities: False: the same network without CTAL, the control of an ablation.
        last_stage: the paper's variant for transformers: features of the encoder's last stage, BN
            and ReLU before CTAL, DeepLab v3 heads.
        **options: keyword arguments of `AffinityOptions`: kernel_size, gamma, learned_gamma,
            shared_mixing, mixing_power, uniform_init, centered, norm_start, method.
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
        channels: int = 128,
        bilinear: bool = False,
        pooling: int = 1,
        affinities: bool = True,
        last_stage: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(tasks, image_size=image_size)
        self.encoder = Encoder(
            encoder,
            image_size=self.image_size,
            pretrained=pretrained,
            last_stage=last_stage,
            upsampling=upsampling,
        )
        self.initial = SingleScaleInitial(
            self.tasks, self.encoder.out_channels, last_stage=last_stage
        )
        self.refinement = AffinityRefinement(
            [task.name for task in self.tasks],
            CHANNELS,
            self.initial.size(self.image_size),
            channels=channels,
            normalised=last_stage,
            bilinear=bilinear,
            pooling=pooling,
            affinities=affinities,
            **asdict(AffinityOptions(**options)),
        )
        self.decoders = decoders(self.tasks, channels, last_stage=last_stage)

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict initial maps at stride 4 (32 with last_stage), final ones at half of that."""
        features, initial = self.initial(self.encoder(images))
        refined = self.refinement(features)
        final = {name: decode(refined[name]) for name, decode in self.decoders.items()}
        return Predictions(final, [initial])
