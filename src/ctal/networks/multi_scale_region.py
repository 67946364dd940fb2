"""Lean multi-scale network whose tasks refine each other through soft regions.

The multi-scale initial predictions are those of MTI-Net (Vandenhende, Georgoulis and Van Gool, ECCV
2020); the refinement is `RegionAffinity`, a variant of this library.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.base import Network, Predictions
from ctal.networks.encoders.encoder import Encoder, Upsampling
from ctal.networks.layers import CrossScaleFusion
from ctal.networks.multi_scale import MultiScaleInitial
from ctal.networks.region_affinity import RegionAffinity
from ctal.tasks import Task


class MultiScaleRegionNet(Network):
    """Initial predictions at four scales, fused per task; soft regions refine them all.

    Per task: cross-scale fusion at stride 4 -> 1x1 convolution to `channels` + BN + ReLU ->
    `RegionAffinity` -> 1x1 convolution to the raw map. No weight belongs to a pixel, so the network
    takes any image size without resampling.

    Args:
        tasks: the tasks.
        encoder: name of a timm encoder.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True, False, or a local file of encoder weights.
        upsampling: as in `Encoder`.
        out_channels: channels of a task's features at the four scales, finest first; None: those of
            the encoder. Most encoders have more channels than HRNet, and the parameters grow with
            the square: reduce them there.
        channels: channels of a task's features in the refinement.
        regions: soft regions per task; 0 leaves the refinement out, as a control.

    Raises:
        InputError: as `Encoder`, `out_channels` is not four integers >= 1, or
            `regions` is negative.
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
        channels: int = 64,
        regions: int = 24,
    ) -> None:
        super().__init__(tasks, image_size=image_size)
        if regions < 0:
            raise InputError(f"regions: expected an integer >= 0, got {regions}")
        self.encoder = Encoder(
            encoder, image_size=self.image_size, pretrained=pretrained, upsampling=upsampling
        )
        self.initial = MultiScaleInitial(self.tasks, self.encoder.out_channels, out_channels)
        scales, names = self.initial.out_channels, [task.name for task in self.tasks]
        self.fused = nn.ModuleDict({name: CrossScaleFusion(scales) for name in names})
        self.reduce = nn.ModuleDict({name: _reduce(sum(scales), channels) for name in names})
        self.refinement = (
            RegionAffinity(names, channels, regions=regions) if regions else nn.Identity()
        )
        self.heads = nn.ModuleDict(
            {task.name: nn.Conv2d(channels, task.channels, 1) for task in self.tasks}
        )

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict the raw maps: initial ones at strides 4, 8, 16 and 32, final ones at stride 4."""
        features, initial = self.initial(self.encoder(images))
        reduced = {
            name: self.reduce[name](fuse([scale[name] for scale in features]))
            for name, fuse in self.fused.items()
        }
        refined = self.refinement(reduced)
        final = {name: head(refined[name]) for name, head in self.heads.items()}
        return Predictions(final, initial)


def _reduce(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )
