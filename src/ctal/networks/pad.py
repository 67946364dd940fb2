"""PAD-Net: initial predictions, distillation between their features, final predictions.

Source: Xu, Ouyang, Wang and Sebe, "PAD-Net: Multi-Tasks Guided Prediction-and-Distillation Network
for Simultaneous Depth Estimation and Scene Parsing", CVPR 2018, on the encoders and with the heads
that later multitask papers use for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ctal.networks.base import Network
from ctal.networks.distillation import Distillation
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.predictions import Predictions
from ctal.networks.single_scale import CHANNELS, SingleScaleInitial, decoders
from ctal.tasks import Task


class PADNet(Network):
    """One encoder, initial predictions at one scale, distillation at 256 channels.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        last_stage: the variant for transformers: features of the encoder's last stage, DeepLab v3
            heads.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        encoder: str = "hrnet_w18_small_v2",
        *,
        image_size: int | Sequence[int],
        pretrained: bool | str = False,
        upsampling: Upsampling = "bilinear",
        last_stage: bool = False,
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
        self.distillation = Distillation([task.name for task in self.tasks], CHANNELS)
        self.decoders = decoders(self.tasks, CHANNELS, last_stage=last_stage)

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict initial and final maps at stride 4, or 32 with last_stage."""
        features, initial = self.initial(self.encoder(images))
        refined = self.distillation(features)
        final = {name: decode(refined[name]) for name, decode in self.decoders.items()}
        return Predictions(final, [initial])
