"""PAP-Net: tasks propagate their pixel affinities to each other.

Source: Zhang, Cui, Xu, Yan, Sebe and Yang, "Pattern-Affinitive Propagation across Depth, Surface
Normal and Semantic Segmentation", CVPR 2019, with the initial predictions and the heads of the
other networks here.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.predictions import Predictions
from ctal.networks.propagation import Propagation
from ctal.networks.single_scale import CHANNELS, SingleScaleInitial, decoders
from ctal.tasks import Task


class PAPNet(Network):
    """One encoder, initial predictions at one scale, one step of diffusion along affinities.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        channels: channels of a task's features in the propagation and its decoder.
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
        channels: int = 128,
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
        names = [task.name for task in self.tasks]
        self.initial = SingleScaleInitial(
            self.tasks, self.encoder.out_channels, last_stage=last_stage
        )
        self.reduce = nn.ModuleDict({name: nn.Conv2d(CHANNELS, channels, 1) for name in names})
        self.propagation = Propagation(names)
        self.decoders = decoders(self.tasks, channels, last_stage=last_stage)

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict initial and final maps at stride 4, or 32 with last_stage."""
        features, initial = self.initial(self.encoder(images))
        reduced = {name: reduce(features[name]) for name, reduce in self.reduce.items()}
        refined = self.propagation(reduced)
        final = {name: decode(refined[name]) for name, decode in self.decoders.items()}
        return Predictions(final, [initial])
