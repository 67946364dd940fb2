"""MTI-Net: distillation between tasks at each of four scales.

Source: Vandenhende, Georgoulis and Van Gool, "MTI-Net: Multi-Scale Task Interaction Networks for
Multi-Task Learning", ECCV 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.distillation import Distillation
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.layers import Head
from ctal.networks.multi_scale import MultiScaleInitial
from ctal.networks.predictions import Predictions
from ctal.tasks import Task


class MTINet(Network):
    """Initial predictions at four scales, a distillation at each, all scales fused per task.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, a file of encoder weights or a trained network, as in `Encoder`.
        upsampling: as in `Encoder`.
        out_channels: channels of a task's features at the four scales, finest first; None: those of
            the encoder, as in the paper. Most encoders have more channels than HRNet, and the
            parameters grow with the square: reduce them there.

    Raises:
        InputError: as `Encoder`, or `out_channels` is not four integers >= 1.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        encoder: str = "hrnet_w18_small_v2",
        *,
        image_size: int | Sequence[int],
        pretrained: bool | str = False,
        upsampling: Upsampling = "bilinear",
        out_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__(tasks, image_size=image_size)
        self.encoder = Encoder(
            encoder,
            image_size=self.image_size,
            pretrained=pretrained,
            upsampling=upsampling,
        )
        self.initial = MultiScaleInitial(self.tasks, self.encoder.out_channels, out_channels)
        scales, names = self.initial.out_channels, [task.name for task in self.tasks]
        self.distillation = nn.ModuleList(Distillation(names, width) for width in scales)
        self.heads = nn.ModuleDict({task.name: Head(scales, task.channels) for task in self.tasks})

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict initial maps at strides 4, 8, 16 and 32, final ones at stride 4."""
        features, initial = self.initial(self.encoder(images))
        refined = [distil(scale) for distil, scale in zip(self.distillation, features, strict=True)]
        final = {
            name: head([scale[name] for scale in refined]) for name, head in self.heads.items()
        }
        return Predictions(final, initial)
