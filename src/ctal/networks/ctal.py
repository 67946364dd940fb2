"""CTAL on one fused scale (EMA-Net in the paper's first version).

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.functional import Method
from ctal.networks.affinity import AffinityRefinement
from ctal.networks.base import Network, Predictions
from ctal.networks.encoder import STRIDES, Encoder
from ctal.networks.layers import Decoder, Fused, InitialHead, bottleneck
from ctal.tasks import Task

_INITIAL_CHANNELS = 256  # of a task's features at its initial prediction, as in PAD-Net


class CTALNet(Network):
    """One encoder, initial predictions at stride 4, CTAL between them, a decoder per task.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the pictures, multiples of 32.
        pretrained: True, False, or a local file of encoder weights.
        channels: channels of a task's features in CTAL and its decoder (paper: 128).
        kernel_size: as in `CTAL`.
        gamma: as in `CTAL`.
        shared_mixing: as in `CTAL`.
        mixing_scale: as in `CTAL`.
        method: as in `CTAL`.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        encoder: str = "hrnet_w18_small_v2",
        *,
        image_size: tuple[int, int],
        pretrained: bool | str = False,
        channels: int = 128,
        kernel_size: int = 3,
        gamma: float = 0.05,
        shared_mixing: bool = False,
        mixing_scale: float = 1.0,
        method: Method = "auto",
    ) -> None:
        super().__init__(tasks, image_size=image_size)
        self.encoder = Encoder(encoder, image_size=self.image_size, pretrained=pretrained)
        self.fused = Fused(self.encoder.widths)
        self.initial = nn.ModuleDict(
            {task.name: _initial_head(self.fused.channels, task.channels) for task in self.tasks}
        )
        self.refinement = AffinityRefinement(
            [task.name for task in self.tasks],
            _INITIAL_CHANNELS,
            (self.image_size[0] // STRIDES[0], self.image_size[1] // STRIDES[0]),
            channels=channels,
            kernel_size=kernel_size,
            gamma=gamma,
            shared_mixing=shared_mixing,
            mixing_scale=mixing_scale,
            method=method,
        )
        self.decoders = nn.ModuleDict(
            {task.name: Decoder(channels, task.channels) for task in self.tasks}
        )

    def predict_raw(self, images: Tensor) -> Predictions:
        """Initial predictions at stride 4, final ones at stride 2."""
        fused = self.fused(self.encoder(images))
        features, initial = {}, {}
        for name, head in self.initial.items():
            features[name], initial[name] = head(fused)
        refined = self.refinement(features)
        final = {name: decoder(refined[name]) for name, decoder in self.decoders.items()}
        return Predictions(final, [initial])


def _initial_head(in_channels: int, out_channels: int) -> InitialHead:
    blocks = nn.Sequential(
        bottleneck(in_channels, _INITIAL_CHANNELS), bottleneck(_INITIAL_CHANNELS, _INITIAL_CHANNELS)
    )
    return InitialHead(blocks, _INITIAL_CHANNELS, out_channels)
