"""Multitask learning by hard parameter sharing: one encoder, a head per task."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.predictions import Predictions
from ctal.networks.single_scale import head
from ctal.tasks import Task


class SharedEncoderNet(Network):
    """The plain multitask baseline ("MTL" in the papers' tables).

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        last_stage: the variant for transformers: DeepLab v3 heads on the encoder's last stage.
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
        channels = self.encoder.out_channels
        self.heads = nn.ModuleDict(
            {task.name: head(channels, task.channels, last_stage=last_stage) for task in self.tasks}
        )

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict all tasks from one pyramid."""
        scales = self.encoder(images)
        return Predictions({name: apply(scales) for name, apply in self.heads.items()}, initial=[])
