"""Single-task learning: the reference of Delta_m."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.predictions import Predictions
from ctal.networks.single_scale import head
from ctal.tasks import Task


class SingleTaskNet(Network):
    """A separate encoder and head for every task: nothing is shared.

    Trained as one network for convenience; with a sum of losses and Adam, tasks are independent.

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
        self.encoders = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        for task in self.tasks:
            own = Encoder(
                encoder,
                image_size=self.image_size,
                pretrained=pretrained,
                last_stage=last_stage,
                upsampling=upsampling,
            )
            self.encoders[task.name] = own
            self.heads[task.name] = head(own.out_channels, task.channels, last_stage=last_stage)

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict every task with its own encoder and head."""
        final = {name: self.heads[name](own(images)) for name, own in self.encoders.items()}
        return Predictions(final, initial=[])
